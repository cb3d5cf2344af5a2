internal import CoreMetrics
internal import Synchronization

/// Counts whole things. Never goes down, except when it is reset.
final class IntegerCounter: CounterHandler, Series {
    private let value = Atomic<Int64>(0)

    func increment(by amount: Int64) { if amount > 0 { value.wrappingAdd(amount, ordering: .relaxed) } }
    func reset() { value.store(0, ordering: .relaxed) }

    func write(_ name: String, _ labels: String, to text: inout PrometheusText) {
        text.sample(name, labels, Double(value.load(ordering: .relaxed)))
    }
}

final class FloatingCounter: FloatingPointCounterHandler, Series {
    private let value = AtomicDouble()

    func increment(by amount: Double) { if amount > 0 { value.add(amount) } }
    func reset() { value.set(0) }

    func write(_ name: String, _ labels: String, to text: inout PrometheusText) { text.sample(name, labels, value.get()) }
}

/// The latest value, set or moved.
final class Gauge: MeterHandler, RecorderHandler, Series {
    private let value = AtomicDouble()

    func set(_ number: Int64) { value.set(Double(number)) }
    func set(_ number: Double) { value.set(number) }
    func increment(by amount: Double) { value.add(amount) }
    func decrement(by amount: Double) { value.add(-amount) }
    func record(_ number: Int64) { value.set(Double(number)) }
    func record(_ number: Double) { value.set(number) }

    func write(_ name: String, _ labels: String, to text: inout PrometheusText) { text.sample(name, labels, value.get()) }
}

/// A value somebody looks up when it is asked for.
final class ReadGauge: Series {
    private let read: @Sendable () -> Double

    init(_ read: @escaping @Sendable () -> Double) { self.read = read }

    func write(_ name: String, _ labels: String, to text: inout PrometheusText) { text.sample(name, labels, read()) }
}

/// How many values there were and what they add up to. Recorders have no unit, so no buckets would fit all of them.
final class Summary: RecorderHandler, Series {
    private let state = Mutex((count: 0, sum: 0.0))

    func record(_ number: Int64) { record(Double(number)) }
    func record(_ number: Double) {
        state.withLock { state in
            state.count += 1
            state.sum += number
        }
    }

    func write(_ name: String, _ labels: String, to text: inout PrometheusText) {
        let (count, sum) = state.withLock { $0 }
        text.sample(name + "_sum", labels, sum)
        text.sample(name + "_count", labels, Double(count))
    }
}

/// How often a duration was at most so long. Kept a bucket each, rendered cumulatively.
final class Histogram: TimerHandler, Series {
    private struct State {
        var counts: [Int]
        var nanoseconds: Int64 = 0
    }
    private let bounds: [Double]
    private let nanosecondBounds: [Int64]
    private let state: Mutex<State>

    init(buckets: [Double]) {
        bounds = buckets
        nanosecondBounds = buckets.map { Int64(($0 * 1e9).rounded()) }
        state = Mutex(State(counts: Array(repeating: 0, count: buckets.count + 1)))
    }

    func recordNanoseconds(_ duration: Int64) {
        let bucket = nanosecondBounds.firstIndex { duration <= $0 } ?? nanosecondBounds.count
        state.withLock { state in
            state.counts[bucket] += 1
            state.nanoseconds &+= duration
        }
    }

    func write(_ name: String, _ labels: String, to text: inout PrometheusText) {
        let (counts, nanoseconds) = state.withLock { ($0.counts, $0.nanoseconds) }
        let separator = labels.isEmpty ? "" : ","
        var total = 0
        for (index, count) in counts.enumerated() {
            total += count
            let bound = index < bounds.count ? PrometheusText.number(bounds[index]) : "+Inf"
            text.sample(name + "_bucket", "\(labels)\(separator)le=\"\(bound)\"", Double(total))
        }
        text.sample(name + "_sum", labels, Double(nanoseconds) / 1e9)
        text.sample(name + "_count", labels, Double(total))
    }
}

/// A `Double` changed without a lock; `Atomic` itself holds whole numbers only.
final class AtomicDouble: Sendable {
    private let bits = Atomic<UInt64>(0)

    func get() -> Double { Double(bitPattern: bits.load(ordering: .relaxed)) }
    func set(_ number: Double) { bits.store(number.bitPattern, ordering: .relaxed) }

    func add(_ amount: Double) {
        var old = bits.load(ordering: .relaxed)
        while true {
            let new = (Double(bitPattern: old) + amount).bitPattern
            let (exchanged, seen) = bits.weakCompareExchange(expected: old, desired: new, ordering: .relaxed)
            if exchanged { return }
            old = seen
        }
    }
}
