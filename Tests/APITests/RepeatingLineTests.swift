import Notation
import Resilience
import SingleSignOn
import Synchronization
import TestKit
import Testing

/// What a sign-in reads of its provider (MC-2).
@Suite struct AProviderThatFailsInPassing {
    private let reading = ProviderQuestion(address: "https://login.hospital.example/keys", headers: [], form: nil)
    private let code = ProviderQuestion(address: "https://login.hospital.example/token", headers: [], form: [])

    @Test(arguments: [Answered.by(500), .by(503), .by(408), .silence])
    func `is asked again for what only reads`(answered: Answered) async throws {
        for failures in 1...2 {
            let (line, provider, _) = line(Array(repeating: answered, count: failures))
            #expect(try await line.ask(reading).status == 200)
            #expect(provider.asked == failures + 1)
        }
    }

    @Test(arguments: [Answered.by(500), .silence])
    func `is asked three times and no more`(answered: Answered) async throws {
        let (line, provider, _) = line(Array(repeating: answered, count: 9))
        let status = try? await line.ask(reading).status
        #expect(status == (answered == .by(500) ? 500 : nil))
        #expect(provider.asked == 3)
    }

    @Test(arguments: [Answered.by(200), .by(400), .by(401), .by(404), .by(429)])
    func `what the next time would say again is not asked for again`(answered: Answered) async throws {
        let (line, provider, _) = line([answered])
        guard case .by(let status) = answered else { return }
        #expect(try await line.ask(reading).status == status)
        #expect(provider.asked == 1)
    }

    @Test(arguments: [Answered.by(500), .silence])
    func `a code is redeemed once, whatever comes of it`(answered: Answered) async throws {
        let (line, provider, _) = line([answered])
        _ = try? await line.ask(code)
        #expect(provider.asked == 1)
    }

    @Test func `one sign-in that fails has the provider left alone for nobody else`() async throws {
        let (repeating, provider, clock) = line(Array(repeating: .silence, count: 3 * GuardedLine.patience.minimumCalls))
        let breaker = SharedBreaker(GuardedLine.patience, clock: clock, random: SeededRandom(seed: 6))
        let line = GuardedLine(repeating, breaker: breaker)
        for _ in 1..<GuardedLine.patience.minimumCalls { _ = try? await line.ask(reading) }
        #expect(!breaker.state.isOpen && provider.asked > GuardedLine.patience.minimumCalls)
        _ = try? await line.ask(reading)
        #expect(breaker.state.isOpen)
        let asked = provider.asked
        await #expect(throws: GuardedLine.LeftAlone.self) { try await line.ask(reading) }
        #expect(provider.asked == asked)
    }

    @Test func `each call that was made is told of, repeats too, and of one that was not made that it was not`() async throws {
        let (provider, clock, told) = (Shaky([.by(500), .silence, .by(200), .by(401), .by(429)]), LeapingClock(), Told())
        provider.dawdle { clock.leap(.milliseconds(30)) }
        let counted = CountedLine(provider, clock: clock) { told.note("\($0) \($1.microseconds / 1_000) \($2 ?? "-")") }
        let repeating = RepeatingLine(counted, clock: clock, random: SeededRandom(seed: 5))
        let breaker = SharedBreaker(GuardedLine.patience, clock: clock, random: SeededRandom(seed: 6))
        let line = GuardedLine(repeating, breaker: breaker) { told.note("left alone") }
        #expect(try await line.ask(reading).status == 200)
        for _ in 0..<2 { _ = try await line.ask(reading) }
        #expect(
            told.lines == [
                "later 30 it answered 500", "later 30 no whole answer came", "done 30 -", "never 30 it answered 401",
                "later 30 it answered 429",
            ])
        #expect(repeating.repeatsLeft < 9 && repeating.repeatsLeft > 8)
        breaker.follow(.forcedOpen)
        await #expect(throws: GuardedLine.LeftAlone.self) { try await line.ask(reading) }
        #expect(told.lines.count == 6 && told.lines.last == "left alone" && provider.asked == 5)
    }

    @Test func `of a code nobody answered for nobody says that it was not redeemed`() async throws {
        let told = Told()
        let provider = Shaky([.silence, .noConnection, .by(400), .by(500)])
        let line = CountedLine(provider, clock: LeapingClock()) { end, _, _ in told.note("\(end)") }
        for _ in 0..<4 { _ = try? await line.ask(code) }
        #expect(told.lines == ["unknown", "later", "never", "later"])
    }

    private final class Told: Sendable {
        private let state = Mutex<[String]>([])
        var lines: [String] { state.withLock { $0 } }
        func note(_ line: String) { state.withLock { $0.append(line) } }
    }

    @Test func `nobody at a browser waits for a third try when the first took all the time there was`() async throws {
        let (line, provider, clock) = line([.by(500), .by(500)])
        provider.dawdle { clock.leap(.seconds(10)) }
        #expect(try await line.ask(reading).status == 500)
        #expect(provider.asked == 1)
    }

    @Test func `in an outage it is asked a tenth more often than without repeats`() async throws {
        let (line, provider, _) = line(Array(repeating: .by(503), count: 5_000))
        for _ in 0..<1_000 { _ = try await line.ask(reading) }
        #expect((1_090...1_110).contains(provider.asked), "\(provider.asked)")
    }

    enum Answered: Sendable, Equatable {
        case by(Int)
        case silence
        case noConnection
    }

    private func line(_ answers: [Answered]) -> (RepeatingLine, Shaky, LeapingClock) {
        let (provider, clock) = (Shaky(answers), LeapingClock())
        return (RepeatingLine(provider, clock: clock, random: SeededRandom(seed: 5)), provider, clock)
    }
}

/// Answers as it is told, and well when it has been told nothing more.
private final class Shaky: ProviderLine {
    private struct Silent: Error {}
    private struct State {
        var answers: [AProviderThatFailsInPassing.Answered]
        var asked = 0
        var dawdling: @Sendable () -> Void = {}
    }
    private let state: Mutex<State>

    init(_ answers: [AProviderThatFailsInPassing.Answered]) { state = Mutex(State(answers: answers)) }

    var asked: Int { state.withLock { $0.asked } }
    func dawdle(_ body: @escaping @Sendable () -> Void) { state.withLock { $0.dawdling = body } }

    func ask(_ question: ProviderQuestion) async throws -> ProviderAnswer {
        let (answer, dawdling) = state.withLock { state in
            state.asked += 1
            return (state.answers.isEmpty ? .by(200) : state.answers.removeFirst(), state.dawdling)
        }
        dawdling()
        switch answer {
        case .by(let status): return ProviderAnswer(status: status, body: [])
        case .silence: throw Silent()
        case .noConnection: throw ProviderNotReached()
        }
    }
}

/// Whoever sleeps wakes at once, at the time they wanted.
private final class LeapingClock: WallClock {
    private let instant = Mutex(Instant("2026-03-09T08:00:00Z")!)

    var now: Instant { instant.withLock { $0 } }
    func leap(_ span: Span) { instant.withLock { $0 = $0 + span } }
    func sleep(until deadline: Instant) async throws { instant.withLock { $0 = max($0, deadline) } }
}
