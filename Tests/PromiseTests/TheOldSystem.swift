import Notation
import Partners
import Scheduling
import Synchronization
import TestKit

/// The system that is being replaced, as badly behaved as a test wants it.
final class TheOldSystem: LegacySystem {
    enum Manner: Sendable {
        /// Keeps a practitioner's time for one.
        case careful
        /// Books whatever it is asked for.
        case overbooks
        /// Does it, and the answer is lost.
        case unheard
        /// Does nothing, and nothing is answered.
        case hangs
        /// Says no.
        case refuses
    }

    private struct State {
        var entries: [LegacyEntry] = []
        var change = 0
        var manner = Manner.careful
        var script: [Manner] = []
        var crossing: (isRefused: Gate, isGivenUp: Gate)?
        /// Says that it knows of no request.
        var isDeaf = false
    }

    private let state = Mutex(State())
    private let clock: any WallClock
    private let life: Mutex<Life?>

    init(_ clock: any WallClock, life: Life? = nil) {
        self.clock = clock
        self.life = Mutex(life)
    }

    /// From now on nothing is ended there until somebody was refused a time, and whoever was hears of it when `isGivenUp` opens.
    func crosses(_ isRefused: Gate, _ isGivenUp: Gate) { state.withLock { $0.crossing = (isRefused, isGivenUp) } }

    func isCalled(by life: Life?) { self.life.withLock { $0 = life } }
    func become(_ manner: Manner, after script: [Manner] = []) { state.withLock { ($0.manner, $0.script) = (manner, script) } }
    func forgetWhatWasAsked() { state.withLock { $0.isDeaf = true } }

    var all: [LegacyEntry] { state.withLock { $0.entries } }
    var standing: [LegacyEntry] { all.filter { $0.state == .booked } }

    /// Pairs that stand at one time with one practitioner.
    var overlaps: Int {
        let standing = standing
        return standing.indices.reduce(0) { count, index in
            count
                + standing[(index + 1)...].count {
                    $0.visit.practitioner == standing[index].visit.practitioner && $0.visit.start < standing[index].visit.end
                        && standing[index].visit.start < $0.visit.end
                }
        }
    }

    /// Somebody asks there, at their own counter.
    @discardableResult
    func ask(
        patient: String, with practitioner: String, _ visitType: String, at start: Instant, minutes: Int = 30,
        asking request: String? = nil, careful: Bool? = nil
    ) -> LegacyEntry {
        let visit = LegacyVisit(
            practitioner: practitioner, visitType: visitType, patient: Personal(patient), start: start,
            end: start + .minutes(minutes))
        return state.withLock { state in
            let isCareful = careful ?? (state.manner != .overbooks)
            return Self.make(visit, request ?? "counter-\(state.change + 1)", &state, clock.now, isCareful: isCareful)
        }
    }

    /// Somebody there ends it.
    func end(_ id: String) { state.withLock { _ = Self.end(id, &$0, clock.now) } }

    /// Somebody there moves it, whoever else is there.
    func move(_ id: String, to start: Instant) {
        let now = clock.now
        state.withLock { state in
            guard let index = state.entries.firstIndex(where: { $0.id == id }) else { return }
            let (entry, visit) = (state.entries[index], state.entries[index].visit)
            state.change += 1
            state.entries[index] = LegacyEntry(
                id: entry.id, requestID: entry.requestID,
                visit: LegacyVisit(
                    practitioner: visit.practitioner, visitType: visit.visitType, patient: visit.patient, start: start,
                    end: start + (visit.end - visit.start)),
                state: entry.state, createdAt: entry.createdAt, updatedAt: now, change: state.change)
        }
    }

    private static func make(
        _ visit: LegacyVisit, _ request: String, _ state: inout State, _ now: Instant, isCareful: Bool, refuses: Bool = false
    ) -> LegacyEntry {
        let isTaken = state.entries.contains {
            $0.state == .booked && $0.visit.practitioner == visit.practitioner && $0.visit.start < visit.end
                && visit.start < $0.visit.end
        }
        let isRefused = refuses || (isCareful && isTaken)
        state.change += 1
        let entry = LegacyEntry(
            id: "L-\(state.change)", requestID: request, visit: visit, state: isRefused ? .refused : .booked,
            reason: isRefused ? "taken" : nil, createdAt: now, updatedAt: now, change: state.change)
        state.entries.append(entry)
        return entry
    }

    private static func end(_ id: String, _ state: inout State, _ now: Instant) -> LegacyEntry? {
        guard let index = state.entries.firstIndex(where: { $0.id == id }) else { return nil }
        let entry = state.entries[index]
        guard entry.state == .booked else { return entry }
        state.change += 1
        state.entries[index] = LegacyEntry(
            id: entry.id, requestID: entry.requestID, visit: entry.visit, state: .cancelled, createdAt: entry.createdAt,
            updatedAt: now, change: state.change)
        return state.entries[index]
    }

    // MARK: LegacySystem

    func changes(after change: Int, limit: Int) async -> Ending<LegacyChanges> {
        around {
            state.withLock { state in
                if case .hangs = state.manner { return .later(after: nil, reason: "no answer in time") }
                let found = state.entries.filter { $0.change > change }.sorted { $0.change < $1.change }
                let page = Array(found.prefix(limit))
                return .done(
                    LegacyChanges(entries: page, last: page.last?.change ?? change, isMore: found.count > page.count))
            }
        }
    }

    func find(_ requestID: EffectKey) async -> Ending<LegacyEntry?> {
        around {
            state.withLock { state in
                if case .hangs = state.manner, state.script.isEmpty { return .later(after: nil, reason: "no answer in time") }
                if state.isDeaf { return .done(nil) }
                let found = state.entries.filter { $0.requestID == requestID.text }
                return .done(found.first { $0.state == .booked } ?? found.last)
            }
        }
    }

    func book(_ visit: LegacyVisit, requestID: EffectKey) async -> Ending<LegacyEntry> {
        let ending = answer(to: visit, requestID)
        if case .done(let entry) = ending, entry.state == .refused, let crossing = state.withLock({ $0.crossing }) {
            crossing.isRefused.open()
            await crossing.isGivenUp.pass()
        }
        return ending
    }

    private func answer(to visit: LegacyVisit, _ requestID: EffectKey) -> Ending<LegacyEntry> {
        around {
            let now = clock.now
            return state.withLock { state in
                let manner = state.script.isEmpty ? state.manner : state.script.removeFirst()
                if case .hangs = manner { return .later(after: nil, reason: "no answer in time") }
                let entry = Self.make(
                    visit, requestID.text, &state, now, isCareful: manner != .overbooks, refuses: manner == .refuses)
                if case .unheard = manner { return .later(after: nil, reason: "no answer in time") }
                return .done(entry)
            }
        }
    }

    func cancel(_ id: String, key: EffectKey) async -> Ending<LegacyEntry> {
        if let crossing = state.withLock({ $0.crossing }) { await crossing.isRefused.pass() }
        return around {
            let now = clock.now
            return state.withLock { state in
                let manner = state.script.isEmpty ? state.manner : state.script.removeFirst()
                if case .hangs = manner { return .later(after: nil, reason: "no answer in time") }
                guard let entry = Self.end(id, &state, now) else { return .never(reason: "not_found") }
                if case .unheard = manner { return .later(after: nil, reason: "no answer in time") }
                return .done(entry)
            }
        }
    }

    /// Whoever asks may die before the call, and after it.
    private func around<Value>(_ body: () -> Ending<Value>) -> Ending<Value> {
        let life = life.withLock { $0 }
        if let life, !life.goesOn() { return .later(after: nil, reason: "dead") }
        let ending = body()
        if let life, !life.goesOn() { return .later(after: nil, reason: "dead") }
        return ending
    }
}
