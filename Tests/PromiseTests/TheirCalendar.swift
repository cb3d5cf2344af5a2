import Notation
import Outbox
import Partners
import Scheduling
import Storage
import Synchronization
import TestKit
import Workflows

/// Somebody else's calendar, as badly behaved as a test wants it.
final class TheirCalendar: SchedulingPartner {
    /// How it takes a call.
    enum Manner: Sendable {
        case agrees, refuses
        /// Decides later.
        case pends
        /// Does it, and the answer is lost.
        case agreesUnheard
        /// Does nothing, and nothing is answered.
        case hangs
        /// Is left alone by the breaker.
        case isLeftAlone
        /// Says yes to another time.
        case mishears
    }

    private struct State {
        var entries: [String: SchedulingEntry] = [:]
        /// How often a time was really taken, by the entry's name.
        var made: [String: Int] = [:]
        var manner = Manner.agrees
        /// Before the manner counts, one for each request.
        var script: [Manner] = []
        var isDeafToLooking = false
        var asked: [String] = []
    }

    private let state = Mutex(State())
    private let clock: any WallClock
    /// Knows a repeat by its key. Not every calendar does.
    private let knowsRepeats: Bool
    private let life: Mutex<Life?>

    init(_ clock: any WallClock, knowsRepeats: Bool = true, life: Life? = nil) {
        self.clock = clock
        self.knowsRepeats = knowsRepeats
        self.life = Mutex(life)
    }

    /// Whoever calls from now on does not die.
    func isCalledByTheLiving() { life.withLock { $0 = nil } }

    func become(_ manner: Manner, after script: [Manner] = []) {
        state.withLock { ($0.manner, $0.script) = (manner, script) }
    }

    /// Says that there is nothing, whatever there is.
    func forgetWhatIsThere() { state.withLock { $0.isDeafToLooking = true } }

    /// What stands in it: what somebody would come to.
    var standing: [SchedulingEntry] {
        state.withLock { $0.entries.values.filter { $0.state == .confirmed || $0.state == .pending }.sorted { $0.id < $1.id } }
    }
    var most: Int { state.withLock { $0.made.values.max() ?? 0 } }
    var calls: [String] { state.withLock { $0.asked } }

    /// Somebody there changes it.
    func set(_ id: String, _ change: (inout SchedulingState) -> Void) {
        state.withLock { state in
            guard let entry = state.entries[id] else { return }
            var value = entry.state
            change(&value)
            state.entries[id] = Self.entry(entry, value, clock.now)
        }
    }

    func put(_ entry: SchedulingEntry) { state.withLock { $0.entries[entry.id] = entry } }

    private static func entry(_ entry: SchedulingEntry, _ state: SchedulingState, _ now: Instant) -> SchedulingEntry {
        SchedulingEntry(
            id: entry.id, requestID: entry.requestID, state: state, time: entry.time, updatedAt: now,
            reason: state == .failed ? "slot_taken" : nil)
    }

    // MARK: SchedulingPartner

    func request(_ order: SchedulingOrder) async -> Ending<SchedulingEntry> {
        await around("request") {
            let now = clock.now
            return state.withLock { state in
                let manner = state.script.isEmpty ? state.manner : state.script.removeFirst()
                switch manner {
                case .hangs: return .later(after: nil, reason: "no answer in time")
                case .isLeftAlone: return .postponed(after: .seconds(5), reason: "left alone")
                case .agrees, .refuses, .pends, .agreesUnheard, .mishears: break
                }
                if knowsRepeats, let known = state.entries[order.id] { return .done(known) }
                let value: SchedulingState = manner == .refuses ? .failed : manner == .pends ? .pending : .confirmed
                if value != .failed { state.made[order.id, default: 0] += 1 }
                let time = manner == .mishears ? order.time + .hours(1) : order.time
                let entry = SchedulingEntry(
                    id: order.id, requestID: order.requestID.text, state: value, time: time, updatedAt: now,
                    reason: value == .failed ? "slot_taken" : nil)
                state.entries[order.id] = entry
                if manner == .agreesUnheard { return .later(after: nil, reason: "no answer in time") }
                return .done(entry)
            }
        }
    }

    func cancel(_ id: String, provider: String, key: EffectKey) async -> Ending<SchedulingEntry> {
        await around("cancel") {
            let now = clock.now
            return state.withLock { state in
                if case .hangs = state.manner { return .later(after: nil, reason: "no answer in time") }
                guard let entry = state.entries[id] else { return .never(reason: "not_found") }
                state.entries[id] = Self.entry(entry, .cancelled, now)
                return .done(state.entries[id]!)
            }
        }
    }

    func entry(_ id: String, provider: String) async -> Ending<SchedulingEntry?> {
        await around("entry") {
            state.withLock { state in
                if case .hangs = state.manner, state.script.isEmpty { return .later(after: nil, reason: "no answer in time") }
                return .done(state.isDeafToLooking ? nil : state.entries[id])
            }
        }
    }

    func entries(of provider: String, since: Instant, after: String?) async -> Ending<Partners.Page<SchedulingEntry>> {
        await around("entries") {
            state.withLock { state in
                .done(Partners.Page(state.entries.values.filter { $0.updatedAt >= since }.sorted { $0.id < $1.id }, next: nil))
            }
        }
    }

    /// Whoever asks may die before the call, and after it.
    private func around<Value>(_ name: String, _ body: () -> Ending<Value>) async -> Ending<Value> {
        let life = life.withLock { $0 }
        if let life, !life.goesOn() { return .later(after: nil, reason: "dead") }
        let ending = body()
        state.withLock { $0.asked.append(name) }
        if let life, !life.goesOn() { return .later(after: nil, reason: "dead") }
        return ending
    }
}

/// How long a program lives: so many steps, and then nothing it does counts any more.
final class Life: Sendable {
    private let left: Mutex<Int>
    init(_ steps: Int) { left = Mutex(steps) }

    func goesOn() -> Bool {
        left.withLock { left in
            left -= 1
            return left >= 0
        }
    }

    var isOver: Bool { left.withLock { $0 < 0 } }
}

/// The database of a program that dies: before a commit, or after it and before anybody hears of it.
struct MortalDatabase: Database {
    let inner: any Database
    let life: Life

    func read<Answer: Sendable>(_ body: @escaping @Sendable (any ReadTransaction) throws -> Answer) async throws -> Answer {
        if life.isOver { throw StorageFault.closed }
        return try await inner.read(body)
    }

    func write<Answer: Sendable>(_ body: @escaping @Sendable (any WriteTransaction) throws -> Answer) async throws -> Answer {
        if !life.goesOn() { throw StorageFault.closed }
        let answer = try await inner.write(body)
        if !life.goesOn() { throw StorageFault.closed }
        return answer
    }

    func writeTogether<Answer: Sendable>(
        foreseen: [any Query], _ body: @escaping @Sendable (any WriteTransaction) throws -> Answer
    ) async throws -> Answer {
        if !life.goesOn() { throw StorageFault.closed }
        let answer = try await inner.writeTogether(foreseen: foreseen, body)
        if !life.goesOn() { throw StorageFault.closed }
        return answer
    }

    func doing(_ work: Work) -> any Database { MortalDatabase(inner: inner.doing(work), life: life) }
    var gainsFromForesight: Bool { inner.gainsFromForesight }
    var isShared: Bool { inner.isShared }
}
