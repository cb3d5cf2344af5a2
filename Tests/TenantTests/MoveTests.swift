import Foundation
import LoopbackClient
import PostgresCluster
import Processes
import TestKit
import Testing

@Suite("A clinic that moves", .serialized)
struct MoveTests {
    /// Two nodes, and callers who go from one to the other as a balancer sends them. At first only one node can have the
    /// embedded database; after the move both serve, and nobody has told them.
    @Test("under load to PostgreSQL and back: nothing acknowledged is lost, nothing is there twice, the nodes follow")
    func underLoad() async throws {
        try await Network.with { network in
            _ = try await network.clinics(["riverside", "northside"], on: .sqlite)
            _ = FileManager.default.createFile(
                atPath: network.folder.file("riverside.secret"), contents: Data(repeating: 7, count: 32))
            try network.write([.init("riverside", secretFile: "riverside.secret"), .init("northside")])
            let target = try await network.freshDatabase()
            let first = try await network.serve()
            #expect(try await first.asks("riverside") == 200)
            let second = try await network.serve()
            let crowd = Crowd(of: "riverside", at: [first, second])
            try await crowd.working {
                try await crowd.hasBooked(60)
                let said = try await network.run(["move", "riverside", "--to", target] + network.whole)
                #expect(said.contains { $0.contains("servers follow within about a second") }, "\(said)")
                #expect(said.contains { $0.hasPrefix("The clinic lives at postgres://mediconnect:…@127.0.0.1:") }, "\(said)")
                try await crowd.hasBooked(60)
                for node in [first, second] {
                    try await eventually("both nodes serve it") { try await node.asks("riverside") == 200 }
                }
                try await crowd.hasBooked(20)
            }
            #expect(crowd.wasToldOfTheMove)
            #expect(try await crowd.complaints() == [])
            try await expectWell(network, "riverside", appointments: crowd.made + 2)
            #expect(try network.place(of: "riverside").contains(target.suffix(12)))
            // The other clinic has not noticed.
            #expect(try await first.asks("northside") == 200)

            #expect(await second.stop() == 0)
            let back = Crowd(of: "riverside", at: [first])
            try await back.working {
                try await back.hasBooked(20)
                _ = try await network.run(["move", "riverside", "--back"] + network.whole)
                try await back.hasBooked(20)
            }
            #expect(try await back.complaints() + crowd.complaints(at: [first]) == [])
            try await expectWell(network, "riverside", appointments: crowd.made + back.made + 2)
            #expect(await first.stop() == 0)
        }
    }

    /// The negative control: a directory that is changed before anything was moved, as a careless hand would do it.
    @Test("nodes that are sent to where the clinic is not are found out")
    func carelessly() async throws {
        try await Network.with { network in
            let entries = try await network.clinics(["riverside"], on: .sqlite)
            let elsewhere = try await network.clinics(["riverside"], on: .postgres)
            try network.write(entries)
            let node = try await network.serve()
            let crowd = Crowd(of: "riverside", at: [node])
            try await crowd.working {
                try await crowd.hasBooked(20)
                try network.write(elsewhere)
                try await eventually("the other one answers") { try await node.metric("mediconnect_tenants_opened_total") == 2 }
            }
            let complaints = try await crowd.complaints()
            #expect(complaints.contains { $0.contains("is lost") }, "\(complaints)")
        }
    }

    /// A mover that is killed right after its switch leaves what a move without the directory leaves.
    @Test("between switch and directory every change hears when to come again, and the same command finishes it")
    func interrupted() async throws {
        try await Network.with { network in
            _ = try await network.clinics(["riverside"], on: .sqlite)
            let target = try await network.freshDatabase()
            let node = try await network.serve()
            let id = newID()
            #expect(try await node.book(at: "riverside", id: id, key: "before").status == 201)
            // Looked for before: soon after the switch nobody is shown times either.
            let time = try #require(try await node.freeTimes(of: "riverside", limit: 1).first)
            _ = try await network.run(["move", "--from", network.data + "/tenants/riverside", "--to", target])
            let refused = try await node.send(
                "POST", "/v1/appointments", to: "riverside", key: "meanwhile", body: time.booking(newID(), patient: 2))
            #expect(refused.status == 503 && refused.problem == "moving" && refused.retryAfter == 1, "\(refused.text)")
            #expect(refused["retry"] == "same-key")
            // What is in the old place is the past, and nobody is shown it for long.
            try await eventually("reads are refused as well") {
                let read = try await node.send("GET", "/v1/appointments/\(id)", to: "riverside")
                return read.status == 503 && read.problem == "moving"
            }
            let status = try await network.run(["move", "riverside", "--status"] + network.whole)
            #expect(status.contains { $0.contains("the clinic has moved to postgres://") }, "\(status)")
            _ = try await network.run(["move", "riverside", "--to", target] + network.whole)
            try await eventually("the node follows") {
                try await node.send("GET", "/v1/appointments/\(id)", to: "riverside").status == 200
            }
            let again = try await node.book(at: "riverside", id: newID(), key: "meanwhile", patient: 2)
            #expect(again.status == 201, "\(again.text)")
            #expect(try await node.send("GET", "/v1/appointments/\(id)", to: "riverside").status == 200)
            // Once more is no harm.
            let repeated = try await network.run(["move", "riverside", "--to", target] + network.whole)
            #expect(repeated.contains { $0.contains("The clinic lives at postgres://") }, "\(repeated)")
        }
    }

    /// The mover says what it is about to do; it is killed as soon as it has said so. Whether it comes a little further depends
    /// on the machine, and must make no difference.
    @Test(
        "a mover that is killed leaves a directory that can be read, and the same command goes on",
        arguments: ["copying", "following", "comparing", "pausing", "switched"])
    func killed(phase: String) async throws {
        try await Network.with { network in
            _ = try await network.clinics(["riverside"], on: .sqlite)
            let (target, id) = (try await network.freshDatabase(), newID())
            let node = try await network.serve()
            #expect(try await node.book(at: "riverside", id: id, key: "before").status == 201)
            let move = ["move", "riverside", "--to", target] + network.whole
            let mover = try ChildProcess(Programs.mediconnect, move, errors: nil)
            for await line in mover.lines where line == phase { mover.signal(SIGKILL) }
            _ = await mover.ended()
            _ = try await network.run(["check"] + network.whole)
            _ = try await network.run(move)
            #expect(try network.place(of: "riverside").contains(target.suffix(12)))
            try await eventually("the node follows") {
                try await node.send("GET", "/v1/appointments/\(id)", to: "riverside").status == 200
            }
            try await eventually("and takes changes") {
                try await node.send("POST", "/v1/appointments/\(id)/cancellation", to: "riverside", key: "after").status == 200
            }
            try await expectWell(network, "riverside", appointments: 3)
        }
    }

    @Test("the way back is given up, and then the clinic may move on")
    func onwards() async throws {
        try await Network.with { network in
            _ = try await network.clinics(["riverside"], on: .postgres)
            let (second, third) = (try await network.freshDatabase(), try await network.freshDatabase())
            let move = ["move", "riverside"] + network.whole
            _ = try await network.run(move + ["--to", second])
            let kept = try await network.refused(move + ["--to", third])
            #expect(kept.contains { $0.contains("the way back of riverside is still kept") }, "\(kept)")
            _ = try await network.run(move + ["--forget"])
            let nowhere = try await network.refused(move + ["--back"])
            #expect(nowhere.contains { $0.contains("has moved nowhere that the directory knows of") }, "\(nowhere)")
            _ = try await network.run(move + ["--to", third])
            #expect(try network.place(of: "riverside").contains(third.suffix(12)))
            let node = try await network.serve()
            #expect(try await node.book(at: "riverside", id: newID(), key: "there").status == 201)
        }
    }

    @Test("a move that cannot be is refused before anything is done")
    func refused() async throws {
        try await Network.with { network in
            _ = try await network.clinics(["riverside"], on: .sqlite)
            let move = ["move", "riverside"] + network.whole
            #expect(try await network.refused(move + ["--to", "folder"]).contains { $0.contains("--to must be postgres://") })
            #expect(try await network.refused(move).contains { $0.contains("name the other side with --to") })
            let unknown = try await network.refused(["move", "southside", "--to", "postgres://db/c"] + network.whole)
            #expect(unknown.contains { $0.contains("there is no tenant southside in ") }, "\(unknown)")
            let aimless = try await network.refused(["move", "riverside", "--to", "postgres://db/c", "--data", network.data])
            #expect(aimless.contains { $0.contains("name that with --tenants FILE") }, "\(aimless)")
            let there = try await network.run(move + ["--to", "embedded"])
            #expect(there.contains { $0.contains("clinic.sqlite already") }, "\(there)")
        }
    }

    /// The program's own look at the whole database, and how much is in it.
    private func expectWell(_ network: Network, _ clinic: String, appointments: Int) async throws {
        let checked = try await network.run(["check", "--tenant", clinic] + network.whole)
        #expect(checked.last == "All is well.", "\(checked)")
        #expect(checked.contains("appointments            \(appointments)"), "\(checked)")
    }
}

extension Network {
    /// The entry of a clinic as the directory has it now.
    fileprivate func place(of name: String) throws -> String {
        let lines = try String(contentsOfFile: directory, encoding: .utf8).split(separator: "\n")
        return String(try #require(lines.first { $0.contains("\"name\":\"\(name)\"") }))
    }
}
