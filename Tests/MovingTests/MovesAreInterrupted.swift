import Moving
import Notation
import Storage
import TestKit
import Testing

@Suite(.serialized)
struct MovesAreInterrupted {
    static let routes = [Route(from: .sqlite, to: .sqlite), Route(from: .sqlite, to: .postgres)]

    @Test(arguments: Route.matrix(routes, Failing.Manner.allCases))
    func `a move that fails at any of its steps goes on when it is called again`(
        _ route: Route, _ manner: Failing.Manner
    ) async throws {
        try await Self.untilNoneFails(route, every: 1) { number, source, target in
            let countdown = Failing.Countdown(number)
            let failing = Self.move(Failing(source, countdown, manner), Failing(target, countdown, manner))
            do { _ = try await failing.run() } catch {}
            // Whatever state it was left in, the clinic is in one place, and works there.
            let isThere = try await Self.move(source, target).status().target?.role == .live
            try? await SmallClinic.change(1, in: isThere ? target : source)
            _ = try await Self.move(source, target).run()
            try await SmallClinic.change(2, in: target)
            await #expect(throws: StorageFault.moving) { try await SmallClinic.change(3, in: source) }
            // The way back fails somewhere too.
            let again = Failing.Countdown(number)
            do { _ = try await Self.move(Failing(source, again, manner), Failing(target, again, manner)).back() } catch {}
            if try await Self.move(source, target).status().source?.role != .live {
                _ = try await Self.move(source, target).back()
            }
            #expect(try await everything(in: source) == everything(in: target), "step \(number)")
            try await SmallClinic.change(4, in: source)
            return countdown.hasFired
        }
    }

    @Test(arguments: Route.matrix(routes, Failing.Manner.allCases))
    func `a move that failed at any of its steps can be undone, and leaves nothing behind`(
        _ route: Route, _ manner: Failing.Manner
    ) async throws {
        try await Self.untilNoneFails(route, every: 5) { number, source, target in
            let before = try await everything(in: source)
            let countdown = Failing.Countdown(number)
            do { _ = try await Self.move(Failing(source, countdown, manner), Failing(target, countdown, manner)).run() } catch {}
            guard countdown.hasFired else { return false }
            do {
                try await Self.move(source, target).abort()
            } catch MoveFault.alreadySwitched {
                return true
            } catch MoveFault.nothingUnderWay {}
            #expect(try await traces(in: source) == [], "step \(number)")
            #expect(try await traces(in: target) == [], "step \(number)")
            #expect(try await everything(in: source) == before)
            #expect(try await everything(in: target).filter { !$0.hasPrefix("revision") } == [])
            // Undoing may fail as well.
            _ = try await Self.move(source, target).status()
            let again = Failing.Countdown(number)
            do { _ = try await Self.move(Failing(source, again, manner), target).run() } catch {}
            if try await Self.move(source, target).status().target?.role == .live { return true }
            for step in 1... {
                let once = Failing.Countdown(step)
                do {
                    try await Self.move(Failing(source, once, manner), Failing(target, once, manner)).abort()
                    if !once.hasFired { break }
                } catch MoveFault.nothingUnderWay {
                    break
                } catch is Failing.Failure {}
            }
            #expect(try await traces(in: source) == [], "step \(number)")
            #expect(try await traces(in: target) == [], "step \(number)")
            #expect(try await everything(in: source) == before)
            try await SmallClinic.change(1, in: source)
            return true
        }
    }

    @Test
    func `a pause whose mover is gone ends by itself`() async throws {
        for engine in [Engine.sqlite, .postgres] {
            try await SmallClinic.withClinic(engine) { source in
                try await Route(from: engine, to: .sqlite).withTarget { target in
                    // It dies at the first use of the source after the gate was closed.
                    let doomed = Move(
                        from: DyingInPause(source), called: "a", to: target, called: "b", .small { $0.pauseSeconds = 1 })
                    await #expect(throws: (any Error).self) { try await doomed.run() }
                    #expect(try await Self.move(source, target).status().source?.pausedUntil != nil)
                    await #expect(throws: StorageFault.moving) { try await SmallClinic.change(1, in: source) }
                    while try await Self.move(source, target).status().source?.pausedUntil != nil {
                        try await MachineClock().sleep(until: MachineClock().now + .milliseconds(50))
                    }
                    try await SmallClinic.change(1, in: source)
                    _ = try await Self.move(source, target).run()
                    #expect(try await everything(in: source) == everything(in: target))
                }
            }
        }
    }

    static func move(_ source: any Database, _ target: any Database) -> Move {
        Move(from: source, called: "a", to: target, called: "b", .small { ($0.pageRows, $0.batchChanges) = (4, 3) })
    }

    /// Every `stride`th step until a run had no such step; on PostgreSQL fewer, each takes a second there.
    static func untilNoneFails(
        _ route: Route, every stride: Int, _ body: (Int, any Database, any Database) async throws -> Bool
    ) async throws {
        var steps = 0
        for number in Swift.stride(from: 1, to: 10_000, by: route.to == .postgres ? 9 : stride) {
            let hasFired = try await SmallClinic.withClinic(route.from) { source in
                try await route.withTarget { target in try await body(number, source, target) }
            }
            if !hasFired { break }
            steps = number
        }
        #expect(steps > 40)
    }
}

extension Route {
    static func matrix(_ routes: [Route], _ manners: [Failing.Manner]) -> [(Route, Failing.Manner)] {
        routes.flatMap { route in manners.map { (route, $0) } }
    }
}

/// A database whose user is gone as soon as it has closed the gate.
struct DyingInPause: Database {
    struct Death: Error {}
    let inner: any Database

    init(_ inner: any Database) { self.inner = inner }

    func read<Answer: Sendable>(_ body: @escaping @Sendable (any ReadTransaction) throws -> Answer) async throws -> Answer {
        try await live()
        return try await inner.read(body)
    }

    func write<Answer: Sendable>(_ body: @escaping @Sendable (any WriteTransaction) throws -> Answer) async throws -> Answer {
        try await live()
        return try await inner.write(body)
    }

    private func live() async throws {
        let settings = MoveSettings.small()
        if try await Move.status(of: inner, settings)?.pausedUntil != nil { throw Death() }
    }

    func doing(_ work: Work) -> any Database { DyingInPause(inner.doing(work)) }
}
