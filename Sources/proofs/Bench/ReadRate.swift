import LoopbackClient
import Processes

/// Reads of patients' records, each of which leaves a record of its own before it is answered, and reads of the directory, which
/// leave none: the same stack, one question to the database each.
struct ReadRate {
    let rig: BenchRig

    func measure() async throws -> [Finding] {
        let house = try rig.copy(of: try await rig.emptyClinic(), named: "read")
        let server = try await rig.serve(house)
        let plan = try await rig.planFile(for: house)
        let room = "\(BenchClinic.id(.room, 1, as: BenchClinic.self))"
        var findings: [Finding] = []
        for connections in [64, 1] {
            var (recorded, plain): ([Wrk.Result], [Wrk.Result]) = ([], [])
            for round in 0...rig.rounds {
                let wrk = rig.wrk(connections: connections)
                let read = try await wrk.run("read.lua", against: server.base, [plan, "patients", room])
                let other = try await wrk.run("read.lua", against: server.base, [plan, "room", room])
                if round > 0 { (recorded, plain) = (recorded + [read], plain + [other]) }
                say(
                    "reads, \(connections), round \(round): \(Int(read.rate))/s, p99 \(read.p99) ms; unrecorded \(Int(other.rate))/s, p99 \(other.p99) ms"
                )
            }
            let words = "\(connections) connection\(connections == 1 ? "" : "s")"
            findings += [
                .ratio(
                    "a patient's record, \(words)", recorded.map(\.rate).median, plain.map(\.rate).median, unit: "/s",
                    with: "a room, which nobody records", atLeast: connections == 1 ? 0 : 0.1),
                .bound("p99 of a patient's record, \(words)", recorded.map(\.p99).median, unit: "ms", below: 200),
                .bound("reads that failed", Double((recorded + plain).map(\.errors).reduce(0, +)), unit: "errors", below: 1),
            ]
        }
        _ = await server.stop()
        return findings
    }
}
