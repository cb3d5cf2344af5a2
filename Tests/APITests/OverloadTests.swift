import API
import Admission
import Notation
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
