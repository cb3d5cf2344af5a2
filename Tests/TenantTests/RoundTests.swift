import Foundation
import LoopbackClient
import TestKit
import Testing

@Suite("Clinics nobody asks for")
struct RoundTests {
    /// Three, with room for one: a worker goes from clinic to clinic.
    @Test("what is due goes out, also from more clinics than there is room for", arguments: Engine.allCases)
    func delivers(engine: Engine) async throws {
        try await Network.with { network in
            let names = ["riverside", "northside", "eastside"]
            _ = try await network.clinics(names, on: engine)
            let door = try await network.serve(["--role", "api"])
            for name in names {
                let booked = try await door.book(at: name, id: newID(), key: "\(name)-1")
                #expect(booked.status == 201, "\(booked.text)")
            }
            #expect(await door.stop() == 0)
            for name in names {
                let before = try await network.notices(of: name)
                #expect(!before.contains { $0.contains("confirmation") }, "\(before)")
            }
            let worker = try await network.serve(room: 1, round: 1, ["--role", "worker,reconciler"])
            for name in names {
                try await eventually("the confirmation of \(name)") {
                    let notices = try await network.notices(of: name)
                    return notices.contains { $0.contains("confirmation") && $0.contains("to patient") }
                }
            }
            #expect(try await worker.metric("mediconnect_tenants_open_most") == 1)
            // Nobody answers for a clinic on a node that only works.
            #expect(try await worker.send("/v1/rooms", headers: ["X-Tenant": "riverside"]).status == 404)
            #expect(await worker.stop() == 0)
        }
    }
}

extension Network {
    /// What a clinic has sent so far, looked up beside whoever serves it.
    fileprivate func notices(of name: String) async throws -> [String] {
        try await run(["mailbox", "--tenant", name] + whole)
    }
}
