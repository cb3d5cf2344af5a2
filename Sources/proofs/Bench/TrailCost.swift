import Foundation
import LoopbackClient
import Notation
import Processes

/// What the audit trail takes of a booking: the record, its indexes, and sealing it afterwards. The same bookings over HTTP at two
/// servers, of which one keeps no trail, by turns; counted is the time on the processor, with delivery and seals, which a busy machine
/// leaves nearly alone.
struct TrailCost {
    let rig: BenchRig

    private struct Side {
        let house: DataFolder
        let server: RunningServer
        let isSealed: Bool
        var first = 0
    }

    func measure() async throws -> [Finding] {
        let empty = try await rig.emptyClinic()
        let plan = try await rig.planFile(for: empty)
        var with = try await side(empty, "trailed")
        var without = try await side(empty, "trailless", ["--without-trail"])
        var unsealed = try await side(empty, "unsealed", ["--without-seals"])
        var costs: [(with: Double, unsealed: Double, without: Double)] = []
        for round in 0...rig.rounds {
            // There and back, so that whatever grows meanwhile grows for all.
            var cost = (with: try await book(&with, plan, round), unsealed: 0.0, without: 0.0)
            for _ in 0..<2 {
                cost.unsealed += try await book(&unsealed, plan, round) / 2
                cost.without += try await book(&without, plan, round) / 2
            }
            cost.with = (cost.with + (try await book(&with, plan, round))) / 2
            // The first round warms up caches and is not counted.
            if round > 0 { costs.append(cost) }
            say(
                """
                trail, round \(round): \(Int(cost.without)) µs of CPU a booking with delivery, \(Int(cost.unsealed)) with its records, \
                \(Int(cost.with)) when they are sealed too
                """)
        }
        try await requireDifference(with, without)
        for side in [with, unsealed, without] { _ = await side.server.stop() }
        let (records, all) = (
            costs.map { ($0.unsealed / $0.without - 1) * 100 }, costs.map { ($0.with / $0.without - 1) * 100 }
        )
        let bare = "the same without: \(Int(costs.map(\.without).median)) µs"
        return [
            .bound("what its records add to a booking's time on the processor", records.median, unit: "%", with: bare, below: 10),
            .bound("what records and seals add to it", all.median, unit: "%", with: bare, below: 10),
        ]
    }

    private func side(_ empty: DataFolder, _ name: String, _ flags: [String] = []) async throws -> Side {
        let house = try rig.copy(of: empty, named: name)
        let server = try await RunningServer.start(
            Siblings.me, ["measured-server", "--data", house.path] + flags, errors: rig.folder.file("errors-\(name)"))
        return Side(house: house, server: server, isSealed: flags.isEmpty)
    }

    /// Microseconds on the processor for each booking, until all of them are delivered and sealed.
    private func book(_ side: inout Side, _ plan: String, _ round: Int) async throws -> Double {
        let before = try side.server.process.cpuMicroseconds
        let result = try await rig.wrk(seconds: round == 0 ? 2 : nil).run(
            "book.lua", against: side.server.base, [plan, "\(side.first)"])
        guard result.errors == 0, result.requests > 0 else { throw ProcessFault("bookings failed: \(result.errors)") }
        // What was under way when wrk stopped has been booked too.
        side.first += result.requests + 200
        _ = try await rig.drained(side.house)
        if side.isSealed { try await sealed(side.house) }
        return Double(try side.server.process.cpuMicroseconds - before) / Double(result.requests)
    }

    private func sealed(_ house: DataFolder) async throws {
        let file = try PlainFile(house.databasePath)
        for _ in 0..<600 {
            if try file.number("SELECT EXISTS (SELECT 1 FROM audit_unsealed)") == 0 { return }
            try await Task.sleep(for: .milliseconds(50))
        }
        throw ProcessFault("the audit trail is not sealed")
    }

    /// Two clinics that keep the same would measure nothing.
    private func requireDifference(_ with: Side, _ without: Side) async throws {
        let counts = try [with, without].map { side in
            let file = try PlainFile(side.house.databasePath)
            return (
                try file.number("SELECT count(*) FROM appointment"),
                try file.number("SELECT count(*) FROM audit WHERE act = 'appointment.booked'")
            )
        }
        guard counts[0].0 == counts[0].1, counts[1].1 == 0, counts[1].0 > 0 else {
            throw ProcessFault("what is measured is not what is meant: \(counts)")
        }
    }
}
