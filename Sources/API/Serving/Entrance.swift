import Admission
import Metrics
import Notation
import Synchronization

/// Lets requests in as `WaitingRoom` decides, and keeps those who wait until it is their turn. Nobody else waits: who finds a place
/// goes in without a pause.
final class Entrance: Sendable {
    /// How busy it is at the moment.
    struct Load: Sendable {
        var places = 0
        var inside = 0
        var waiting = 0
    }

    private struct State {
        var room: WaitingRoom
        var turnstile = Turnstile()
        var callers: [Int: CheckedContinuation<Bool, Never>] = [:]
        var shed = 0

        mutating func enters(_ urgency: Urgency) -> Bool {
            guard room.enters(urgency) else { return false }
            turnstile.entered(urgency)
            return true
        }

        /// Those who hear now whether they may go in.
        mutating func take(_ outcome: WaitingRoom.Outcome) -> [(CheckedContinuation<Bool, Never>, Bool)] {
            outcome.admitted.compactMap { callers.removeValue(forKey: $0).map { ($0, true) } }
                + outcome.dismissed.compactMap { callers.removeValue(forKey: $0).map { ($0, false) } }
        }
    }

    private let state: Mutex<State>
    private let shed = Dictionary(
        uniqueKeysWithValues: Urgency.allCases.map {
            ($0, Counter(label: "mediconnect_requests_shed", dimensions: [("urgency", $0.name)]))
        })

    /// Said again at each tick, so that nobody takes a lock to hear that nobody is refused.
    private let turning = Atomic(false)

    init(_ room: WaitingRoom) { state = Mutex(State(room: room)) }

    var isTurning: Bool { turning.load(ordering: .relaxed) }

    /// Whether a request is turned away of which only its urgency is known.
    func refuses(_ urgency: Urgency) -> Bool {
        let isRefused = state.withLock { state in
            guard state.turnstile.refuses(urgency) else { return false }
            state.shed += 1
            return true
        }
        if isRefused { shed[urgency]?.increment() }
        return isRefused
    }

    var load: Load { state.withLock { Load(places: $0.room.places, inside: $0.room.inside, waiting: $0.room.waiting) } }

    /// While connections run out nothing is let in that can wait a minute.
    func set(isCrammed: Bool) { state.withLock { $0.room.isCrammed = isCrammed } }

    /// How many were turned away since this was asked last.
    func takeShed() -> Int {
        state.withLock { state in
            defer { state.shed = 0 }
            return state.shed
        }
    }

    /// Runs `body` inside. Throws `.overloaded` when there is no place, and none came free in time.
    func inside<Answer>(_ urgency: Urgency, _ surroundings: Surroundings, _ body: () async throws -> Answer) async throws
        -> Answer
    {
        if !state.withLock({ $0.enters(urgency) }) {
            guard await waits(urgency, surroundings.clock) else {
                shed[urgency]?.increment()
                state.withLock { state in
                    state.shed += 1
                    state.turnstile.sentAway(urgency)
                }
                throw Problem.overloaded(surroundings.random)
            }
            state.withLock { $0.turnstile.entered(urgency) }
        }
        let started = ContinuousClock.now
        defer { leave(urgency, ContinuousClock.now - started, at: surroundings.clock.now) }
        return try await body()
    }

    /// Lets in and sends away whoever it is time for. Called every few hundredths of a second: who waits is heard of otherwise only when
    /// somebody comes or goes.
    func tick(at now: Instant) {
        let (answers, isTurning) = state.withLock { state in
            state.turnstile.tick(at: now)
            return (state.take(state.room.tick(at: now)), state.turnstile.isTurning)
        }
        turning.store(isTurning, ordering: .relaxed)
        answer(answers)
    }

    private func waits(_ urgency: Urgency, _ clock: any WallClock) async -> Bool {
        await withCheckedContinuation { caller in
            let answers = state.withLock { state in
                let (answer, outcome) = state.room.arrive(urgency, at: clock.now)
                let others = state.take(outcome)
                switch answer {
                case .enter: return others + [(caller, true)]
                case .turnedAway: return others + [(caller, false)]
                case .wait(let number):
                    state.callers[number] = caller
                    return others
                }
            }
            self.answer(answers)
        }
    }

    private func leave(_ urgency: Urgency, _ duration: Duration, at now: Instant) {
        // Bookings and searches are quick unless the server is busy. How long a report takes says nothing.
        let tells = urgency == .change || urgency == .release || urgency == .look
        let span = Span(microseconds: Int64(duration / .microseconds(1)))
        answer(state.withLock { state in state.take(state.room.leave(after: tells ? span : nil, at: now)) })
    }

    private func answer(_ callers: [(CheckedContinuation<Bool, Never>, Bool)]) {
        for (caller, mayEnter) in callers { caller.resume(returning: mayEnter) }
    }
}

extension Problem {
    /// Comes back in one to five seconds, not all in the same.
    static func overloaded(_ random: any RandomSource) -> Problem {
        var problem = Problem(.overloaded)
        problem.retryAfterSeconds = 1 + Int(random.unit() * 5)
        return problem
    }
}
