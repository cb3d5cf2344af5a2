import Foundation
import LoopbackClient
import TestKit
import Testing

@Suite("A directory that changes")
struct FollowingTests {
    @Test("new clinics appear, and those that are taken out are not served any more")
    func changes() async throws {
        try await Network.with { network in
            let both = try await network.clinics(["riverside", "northside"], on: .sqlite)
            for name in ["riverside", "northside"] { _ = try await network.token(name) }
            try network.write([both[0]])
            let node = try await network.serve()
            #expect(try await node.asks("riverside") == 200)
            #expect(try await node.asks("northside") == 421)
            try network.write(both)
            try await eventually("the new one is served") { try await node.asks("northside") == 200 }
            try network.write([both[1]])
            try await eventually("the old one is gone") { try await node.asks("riverside") == 421 }
            try await eventually("and closed") { try await node.metric("mediconnect_tenants_open") == 1 }
            #expect(try await node.asks("northside") == 200)
        }
    }

    @Test("a host that goes to another clinic leads there, without closing anything")
    func hosts() async throws {
        try await Network.with { network in
            var both = try await network.clinics(["riverside", "northside"], on: .sqlite)
            let node = try await network.serve()
            #expect(try await node.asks("riverside") == 200)
            #expect(try await node.asks("northside") == 200)
            (both[0].hosts, both[1].hosts) = ([], ["riverside.example.org", "northside.example.org"])
            try network.write(both)
            let token = try await network.token("northside")
            try await eventually("the host leads to the other") {
                try await node.send("/v1/rooms", token: token, headers: ["Host": "riverside.example.org"]).status == 200
            }
            #expect(try await node.metric("mediconnect_tenants_opened_total") == 2)
        }
    }

    @Test("a file with mistakes is logged, and the one before holds until it is right")
    func mistakes() async throws {
        try await Network.with { network in
            let both = try await network.clinics(["riverside", "northside"], on: .sqlite)
            for name in ["riverside", "northside"] { _ = try await network.token(name) }
            let node = try await network.serve()
            #expect(try await node.asks("riverside") == 200)
            try network.write([both[0], both[0]])
            try await eventually("the mistake is logged") { network.logged.contains("riverside: name: stands twice") }
            #expect(try await node.asks("riverside") == 200)
            #expect(try await node.asks("northside") == 200)
            try network.write(text: "{")
            try await eventually("the next is logged") { network.logged.contains("it is not JSON") }
            #expect(try await node.asks("northside") == 200)
            let health = try await node.send("/health", headers: [:])
            #expect(health.status == 503 && health.text.contains("the last one that could be holds"), "\(health.text)")
            try network.write([both[1]])
            try await eventually("the right one is followed") { try await node.asks("riverside") == 421 }
            #expect(try await node.send("/health", headers: [:]).status == 200)
        }
    }

    @Test("a clinic whose entry names another database is opened there")
    func otherDatabase() async throws {
        try await Network.with { network in
            var entries = try await network.clinics(["riverside"], on: .sqlite)
            let node = try await network.serve()
            let id = newID()
            #expect(try await node.book(at: "riverside", id: id, key: "one").status == 201)
            entries[0].database = try await network.freshDatabase()
            try network.write(entries)
            // An empty one, made ready when it is opened; the token is still the clinic's.
            try await eventually("the other database answers") {
                try await node.send("GET", "/v1/appointments/\(id)", to: "riverside").status == 404
            }
            entries[0].database = nil
            try network.write(entries)
            try await eventually("the first one answers again") {
                try await node.send("GET", "/v1/appointments/\(id)", to: "riverside").status == 200
            }
        }
    }
}
