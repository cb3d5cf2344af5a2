import Foundation
import API
import Admission
import Notation
import Synchronization
import Testing

/// What clients see of a server that has too much to do.
@Suite struct TheEntrance {
    private func door(places: Int) -> Doorkeeper {
        var settings = WaitingRoom.Settings()
        (settings.limit.first, settings.limit.limits) = (Double(places), Double(places)...Double(places))
        return Doorkeeper(waitingRoom: WaitingRoom(settings))
    }

    @Test func `sends away what can wait, lets in what is urgent, and is open again afterwards`() async throws {
        let door = door(places: 20)
        try await inHouse(door: door) { visitor async throws in
            let there = try await visitor.booked()["id"]?.string ?? ""
            let bodies = (0..<19).map { _ in Known.booking(at: visitor.house.newStart()) }
            let gate = Gate()
            visitor.house.database.haunt(.held(gate))
            try await withThrowingTaskGroup(of: Heard.self) { group in
                // Of twenty places eighteen are for bookings, and twelve for searches.
                for body in bodies.prefix(18) { group.addTask { try await visitor.send(.post("/v1/appointments", body)) } }
                await gate.reached(by: 18)
                group.addTask { try await visitor.send(.post("/v1/appointments", bodies[18])) }
                group.addTask { try await visitor.get("/v1/appointments") }
                while door.load.waiting < 2 { await Task.yield() }
                // Who is at the desk goes in all the same.
                group.addTask { try await visitor.do("arrival", to: there) }
                await gate.reached(by: 19)
                #expect(door.load.inside == 19 && door.load.waiting == 2)
                #expect(try await visitor.get("/health/live", by: nil).status == 200)
                visitor.house.clock.advance(by: .milliseconds(250))
                door.tick(at: visitor.house.clock.now)
                for _ in 0..<2 {
                    let refused = try await group.next()
                    #expect(refused?.problem == "overloaded" && refused?.status == 503)
                    #expect((1...5).contains(refused?[header: "Retry-After"].flatMap { Int($0) } ?? 0))
                }
                visitor.house.database.haunt(.none)
                gate.open()
                let done: [Int: Int] = try await group.reduce(into: [:]) { $0[$1.status, default: 0] += 1 }
                #expect(done == [201: 18, 200: 1])
            }
            #expect(door.load.inside == 0 && door.load.waiting == 0)
            #expect(try await visitor.get("/v1/appointments").status == 200)
        }
    }

    @Test func `gives a place back whatever comes of the request`() async throws {
        let door = door(places: 16)
        try await inHouse(door: door) { visitor async throws in
            visitor.house.database.haunt(.all(CancellationError()))
            for _ in 0..<40 { #expect(try await visitor.get("/v1/appointments").status == 503) }
            visitor.house.database.haunt(.none)
            for _ in 0..<40 { #expect(try await visitor.send(.post("/v1/appointments", "{}")).status == 400) }
            #expect(door.load.inside == 0)
        }
    }

    @Test func `lets who waits in when somebody leaves`() async throws {
        let door = door(places: 16)
        try await inHouse(door: door) { visitor async throws in
            let bodies = (0..<20).map { _ in Known.booking(at: visitor.house.newStart()) }
            let gate = Gate()
            visitor.house.database.haunt(.held(gate))
            try await withThrowingTaskGroup(of: Int.self) { group in
                for body in bodies { group.addTask { try await visitor.send(.post("/v1/appointments", body)).status } }
                await gate.reached(by: 14)
                while door.load.waiting < 6 { await Task.yield() }
                visitor.house.database.haunt(.none)
                gate.open()
                let statuses: [Int] = try await group.reduce(into: []) { $0.append($1) }
                #expect(statuses == Array(repeating: 201, count: 20))
            }
        }
    }
}

/// A request that would be turned away is so where its bytes are read.
@Suite struct TheTurnstileAtTheDoor {
    private static let places = 16

    private func door() -> Doorkeeper {
        var settings = WaitingRoom.Settings()
        (settings.limit.first, settings.limit.limits) = (Double(Self.places), Double(Self.places)...Double(Self.places))
        return Doorkeeper(waitingRoom: WaitingRoom(settings))
    }

    @Test func `is shut for what can wait while nobody finds a place, open for what is urgent, and open again afterwards`()
        async throws
    {
        let door = door()
        try await onTheWire(door: door) { visitor in
            let there = try await visitor.booked()["id"]?.string ?? ""
            let arrival = try await visitor.text(of: "POST", "/v1/appointments/\(there)/arrival", "{}")
            let held = try await (0..<14).asyncMap { _ in try await visitor.text(of: "POST", "/v1/appointments", visitor.body()) }
            let gate = Gate()
            visitor.house.database.haunt(.held(gate))
            try await withThrowingTaskGroup(of: String.self) { group in
                for text in held { group.addTask { try await visitor.answer(to: text) } }
                await gate.reached(by: 14)
                // Nobody else finds a place: after a while nobody is asked any more.
                for _ in 0..<8 { try await visitor.isTurnedAway(40, at: door) }
                // As many as may wait: without the turnstile nobody would hear anything until the clock is moved.
                #expect(try await visitor.isTurnedAway(12, at: door, withoutWaiting: true) > 0)
                // The body of one that is turned away is no request, and the next on its connection is answered.
                for _ in 0..<10 { try await visitor.isTurnedAway(1, at: door, before: "GET /health/live") }
                // Who is at the desk goes in.
                group.addTask { try await visitor.answer(to: arrival) }
                await gate.reached(by: 15)
                visitor.house.database.haunt(.none)
                gate.open()
                let done: [String] = try await group.reduce(into: []) { $0.append(String($1.prefix(12))) }
                #expect(done.sorted() == ["HTTP/1.1 200"] + Array(repeating: "HTTP/1.1 201", count: 14))
            }
            for _ in 0..<20 {
                visitor.house.clock.advance(by: .milliseconds(100))
                door.tick(at: visitor.house.clock.now)
            }
            let text = try await visitor.text(of: "POST", "/v1/appointments", visitor.body())
            #expect(try await visitor.answer(to: text).hasPrefix("HTTP/1.1 201"))
        }
    }
}

extension Visitor {
    fileprivate func body() -> String { Known.booking(at: house.newStart()) }

    /// A request of the desk as it goes over the wire.
    fileprivate func text(of method: String, _ path: String, _ body: String) async throws -> String {
        """
        \(method) \(path) HTTP/1.1\r
        Host: clinic\r
        Authorization: Bearer \(try await house.token(.desk))\r
        Idempotency-Key: \(house.newKey())\r
        Content-Length: \(body.utf8.count)\r
        \r
        \(body)
        """
    }

    /// The answer, or so many, to what goes over a connection of its own.
    fileprivate func answer(to text: String, _ count: Int = 1) async throws -> String {
        try await raw(text, hangsUp: false, answers: count)
    }

    /// So many bookings, none of which finds a place; time goes on until each has been told so. How many were told before time went on.
    ///
    /// - Parameters:
    ///   - withoutWaiting: time goes on only when all the others wait.
    ///   - next: another request on the same connection, which is answered 200.
    @discardableResult fileprivate func isTurnedAway(
        _ count: Int, at door: Doorkeeper, withoutWaiting: Bool = false, before next: String? = nil
    ) async throws -> Int {
        let left = Left(count)
        let more = next.map { "\($0) HTTP/1.1\r\nHost: clinic\r\n\r\n" } ?? ""
        return try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<count {
                let text = try await text(of: "POST", "/v1/appointments", body())
                group.addTask { [self] in
                    defer { left.count.withLock { $0 -= 1 } }
                    let answer = try await self.answer(to: text + more, next == nil ? 1 : 2)
                    #expect(answer.hasPrefix("HTTP/1.1 503") && answer.contains("overloaded"), "\(answer.prefix(200))")
                    #expect(answer.contains("Retry-After") && answer.lowercased().contains("x-request-id"))
                    if next != nil { #expect(answer.contains("HTTP/1.1 200"), "\(answer)") }
                }
            }
            var isWaiting = withoutWaiting
            while isWaiting {
                isWaiting = left.count.withLock { $0 } > door.load.waiting
                await Task.yield()
            }
            let early = count - left.count.withLock { $0 }
            while left.count.withLock({ $0 > 0 }) {
                if door.load.waiting > 0 { house.clock.advance(by: .milliseconds(250)) }
                door.tick(at: house.clock.now)
                await Task.yield()
            }
            try await group.waitForAll()
            return early
        }
    }
}

private final class Left: Sendable {
    let count: Mutex<Int>
    init(_ count: Int) { self.count = Mutex(count) }
}

extension Sequence where Element: Sendable {
    fileprivate func asyncMap<Made>(_ make: (Element) async throws -> Made) async rethrows -> [Made] {
        var all: [Made] = []
        for element in self { all.append(try await make(element)) }
        return all
    }
}
