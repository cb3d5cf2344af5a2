import CoreMetrics
import Notation
import Synchronization
import Telemetry
import Testing

@Suite struct PrometheusMetrics {
    private func text(_ registry: PrometheusRegistry) -> String { String(decoding: registry.render(), as: UTF8.self) }
    /// Without the registry's own line.
    private func samples(_ registry: PrometheusRegistry) -> [String] {
        text(registry).split(separator: "\n").map(String.init).filter {
            !$0.hasPrefix("#") && !$0.hasPrefix("mediconnect_metrics")
        }
    }

    @Test func `a counter ends in total and carries its labels in order`() {
        let registry = PrometheusRegistry()
        registry.describe("http.requests", "Requests answered.")
        let counter = Counter(label: "http.requests", dimensions: [("status", "200"), ("method", "GET")], factory: registry)
        counter.increment()
        counter.increment(by: 4)
        #expect(
            text(registry).hasPrefix(
                """
                # HELP http_requests_total Requests answered.
                # TYPE http_requests_total counter
                http_requests_total{method="GET",status="200"} 5

                """))
        counter.reset()
        #expect(samples(registry) == [#"http_requests_total{method="GET",status="200"} 0"#])
    }

    @Test func `a floating counter adds fractions and never goes down`() {
        let registry = PrometheusRegistry()
        let counter = FloatingPointCounter(label: "seconds_slept", factory: registry)
        counter.increment(by: 0.5)
        counter.increment(by: 1.25)
        counter.increment(by: -3.0)
        #expect(samples(registry) == ["seconds_slept_total 1.75"])
    }

    @Test func `a gauge is its latest value, a meter moves`() {
        let registry = PrometheusRegistry()
        Gauge(label: "queue_depth", factory: registry).record(7)
        let meter = Meter(label: "connections", factory: registry)
        meter.set(10)
        meter.increment(by: 2.5)
        meter.decrement()
        #expect(samples(registry) == ["connections 11.5", "queue_depth 7"])
    }

    @Test func `a recorder sums up`() {
        let registry = PrometheusRegistry()
        let recorder = Recorder(label: "batch.size", factory: registry)
        recorder.record(3)
        recorder.record(4.5)
        #expect(text(registry).contains("# TYPE batch_size summary\nbatch_size_sum 7.5\nbatch_size_count 2\n"))
    }

    @Test func `a timer is a histogram in seconds with cumulative buckets`() {
        let registry = PrometheusRegistry(buckets: [0.001, 0.1, 1])
        let timer = CoreMetrics.Timer(label: "http.request.duration", dimensions: [("route", "/v1/slots")], factory: registry)
        timer.recordMicroseconds(500)
        timer.recordMilliseconds(1)
        timer.recordMilliseconds(250)
        timer.recordSeconds(3)
        #expect(
            samples(registry) == [
                #"http_request_duration_seconds_bucket{route="/v1/slots",le="0.001"} 2"#,
                #"http_request_duration_seconds_bucket{route="/v1/slots",le="0.1"} 2"#,
                #"http_request_duration_seconds_bucket{route="/v1/slots",le="1"} 3"#,
                #"http_request_duration_seconds_bucket{route="/v1/slots",le="+Inf"} 4"#,
                #"http_request_duration_seconds_sum{route="/v1/slots"} 3.2515"#,
                #"http_request_duration_seconds_count{route="/v1/slots"} 4"#,
            ])
    }

    @Test func `a registered gauge is read at every scrape`() {
        let registry = PrometheusRegistry()
        let reads = Atomic<Int>(0)
        registry.registerGauge("outbox_due", help: "Messages due.", labels: [("topic", "note")]) {
            Double(reads.wrappingAdd(1, ordering: .relaxed).newValue)
        }
        #expect(samples(registry) == [#"outbox_due{topic="note"} 1"#])
        #expect(samples(registry) == [#"outbox_due{topic="note"} 2"#])
        #expect(text(registry).contains("# HELP outbox_due Messages due.\n# TYPE outbox_due gauge\n"))
    }

    @Test func `names are made fit, values are escaped`() {
        let registry = PrometheusRegistry()
        registry.describe("2nd-höhe", "a \\ and a\nbreak")
        Counter(label: "2nd-höhe", dimensions: [("le", "1"), ("__x", "a\"b\\c\nd"), ("9 lives", "ü")], factory: registry)
            .increment()
        #expect(samples(registry) == [#"_2nd_h__he_total{_9_lives="ü",label___x="a\"b\\c\nd",label_le="1"} 1"#])
        #expect(text(registry).contains(#"# HELP _2nd_h__he_total a \\ and a\nbreak"#))
    }

    @Test func `what is not a number is said in Prometheus's words`() {
        let registry = PrometheusRegistry()
        for (name, value) in [("a", Double.nan), ("b", .infinity), ("c", -.infinity), ("d", 1e300)] {
            registry.registerGauge(name, help: name) { value }
        }
        #expect(samples(registry) == ["a NaN", "b +Inf", "c -Inf", "d 1e+300"])
    }

    @Test func `the same label and dimensions are the same instrument, in any order`() {
        let registry = PrometheusRegistry()
        let first = registry.makeCounter(label: "x", dimensions: [("a", "1"), ("b", "2")])
        let second = registry.makeCounter(label: "x", dimensions: [("b", "2"), ("a", "1")])
        let other = registry.makeCounter(label: "x", dimensions: [("a", "1"), ("b", "3")])
        #expect(first === second && first !== other)
    }

    @Test func `a series that is destroyed is gone, its neighbours stay`() {
        let registry = PrometheusRegistry()
        let one = Counter(label: "x", dimensions: [("n", "1")], factory: registry)
        Counter(label: "x", dimensions: [("n", "2")], factory: registry).increment()
        one.destroy()
        #expect(samples(registry) == [#"x_total{n="2"} 1"#])
    }

    @Test func `beyond the limit series are refused and counted, and their callers notice nothing`() {
        let registry = PrometheusRegistry(limit: 100)
        for number in 0..<150 { Counter(label: "x", dimensions: [("id", "\(number)")], factory: registry).increment() }
        #expect(samples(registry).count == 100)
        #expect(text(registry).contains("mediconnect_metrics_dropped_series 50\n"))
    }

    @Test func `a name that means another kind already is refused and counted`() {
        let registry = PrometheusRegistry()
        Gauge(label: "x_total", factory: registry).record(1)
        Counter(label: "x", factory: registry).increment()
        #expect(samples(registry) == ["x_total 1"])
        #expect(text(registry).contains("mediconnect_metrics_dropped_series 1\n"))
    }

    @Test func `nothing is lost when many count at once`() async {
        let registry = PrometheusRegistry()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    for _ in 0..<2_000 {
                        Counter(label: "c", factory: registry).increment()
                        FloatingPointCounter(label: "f", factory: registry).increment(by: 0.5)
                        CoreMetrics.Timer(label: "t", factory: registry).recordSeconds(1)
                    }
                }
            }
            group.addTask { for _ in 0..<50 { _ = registry.render() } }
        }
        let samples = samples(registry)
        #expect(
            samples.contains("c_total 16000") && samples.contains("f_total 8000") && samples.contains("t_seconds_count 16000"))
    }
}
