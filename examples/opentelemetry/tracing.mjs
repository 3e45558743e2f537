import { tracingChannel } from "node:diagnostics_channel";
import { context, propagation, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { NodeTracerProvider, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-node";

/** Prints each span: its trace, itself, its parent, its name. */
const printer = {
  export(spans, done) {
    for (const span of spans) {
      const { traceId, spanId } = span.spanContext();
      const parent = span.parentSpanContext?.spanId ?? "none";
      const { name, attributes } = span;
      console.log(JSON.stringify({ traceId, spanId, parent, name, ...attributes }));
    }
    done({ code: 0 });
  },
  shutdown: async () => undefined,
};

const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(printer)] });
provider.register(); // with W3C trace context, and a context that follows asynchronous calls

const tracer = trace.getTracer("example");

/** Answers a request within a span of its own, whose parent is the client's. */
export function traceRequest(request, response, answer) {
  const parent = propagation.extract(context.active(), request.headers);
  const span = tracer.startSpan(
    request.method,
    {
      kind: SpanKind.SERVER,
      attributes: { "http.request.method": request.method, "url.path": request.url.replace(/\?.*/, "") },
    },
    parent,
  );
  return context.with(trace.setSpan(parent, span), async () => {
    await answer();
    span.setAttribute("http.response.status_code", response.statusCode);
    span.end();
  });
}

/** Adds to the span of the client's request why it was answered so. */
export function traceDecision({ route, repository, upstream, reason }) {
  trace.getActiveSpan()?.setAttributes({ route, ...(repository && { repository }), upstream, reason });
}

// From `start` to `asyncEnd`, an upstream request is one object: the key for its span.
const spans = new WeakMap();

tracingChannel("combined-registry.upstream").subscribe({
  start(request) {
    const { upstream, method, url, headers } = request;
    const span = tracer.startSpan(`${method} ${upstream}`, {
      kind: SpanKind.CLIENT,
      attributes: { "http.request.method": method, "url.full": url },
    });
    spans.set(request, span);
    propagation.inject(trace.setSpan(context.active(), span), headers);
  },
  error(request) {
    spans.get(request)?.setStatus({ code: SpanStatusCode.ERROR, message: String(request.error) });
  },
  asyncEnd(request) {
    const span = spans.get(request);
    if (request.status !== undefined) {
      span?.setAttribute("http.response.status_code", request.status);
    }
    span?.end();
  },
});
