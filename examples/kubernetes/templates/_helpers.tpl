{{- define "combined-registry.name" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "combined-registry.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "combined-registry.metadata" -}}
name: {{ include "combined-registry.name" . }}
namespace: {{ .Release.Namespace }}
labels:
  {{- include "combined-registry.selector" . | nindent 2 }}
  app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
  app.kubernetes.io/managed-by: {{ .Release.Service }}
  helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{/* The configuration, with the options that the chart sets itself: where to listen, and the files made from Secrets. The defaults of
     the upstreams are here and not in values.yaml, because Helm warns if a user replaces a text by a table, or a table by a text. */}}
{{- define "combined-registry.config" -}}
{{- $own := dict "host" "0.0.0.0" "port" 5000 -}}
{{- if .Values.htpasswdSecret -}}
{{- $_ := set $own "auth" (dict "htpasswdFile" "./htpasswd") -}}
{{- end -}}
{{- if .Values.tlsSecret -}}
{{- $_ := set $own "tls" (dict "certFile" "./tls.crt" "keyFile" "./tls.key") -}}
{{- end -}}
{{- $upstreams := dict "hosted" "http://registry:5000" "proxy" "http://docker-hub-cache:5000" -}}
{{- range $name := keys .Values.config -}}
{{- $_ := unset $upstreams $name -}}
{{- end -}}
{{- toYaml (mergeOverwrite (deepCopy .Values.config) $upstreams $own) -}}
{{- end -}}

{{/* The probes send no password. */}}
{{- define "combined-registry.probe" -}}
httpGet:
  path: {{ .path }}
  port: registry
  scheme: {{ ternary "HTTP" "HTTPS" (empty .root.Values.tlsSecret) }}
{{- end -}}
