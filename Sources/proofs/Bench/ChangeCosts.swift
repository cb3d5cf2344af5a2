import API
import Foundation
import LoopbackClient
import Notation
import People
import PostgresCluster
import Processes

/// How many statements PostgreSQL is asked for a booking, a move and a cancellation, and for what each sets off. Each is a way to the
/// database and back; a count that has grown is a question somebody added.
struct ChangeCosts {
    let rig: BenchRig
    private static let count = 100
    /// What they were when this was written, and a little more: who looks after the nodes asks now and then, too.
    private static let allowed: [(verb: String, asked: Double, followed: Double)] = [
        ("booking", 15, 42), ("move", 30, 44), ("cancellation", 23, 42),
    ]

    func measure() async throws -> [Finding] {
        try await PrivateCluster.withCluster(settings: ["shared_preload_libraries": "pg_stat_statements"]) { cluster in
            let database = try await cluster.freshDatabase()
            try await cluster.psql("CREATE EXTENSION pg_stat_statements", database: database.name)
            let house = DataFolder(path: rig.folder.file("costs"), url: database.url)
            let document = rig.folder.file("costs.json")
            try Data(PartneredClinic.document(practitioners: 4, patients: 8)).write(to: URL(fileURLWithPath: document))
            house.makeSecret()
            let (status, said) = try await ChildProcess.run(rig.server, ["import", document] + house.flags, errors: nil)
            guard status == 0 else { throw ProcessFault("the import ended with \(status): \(said.joined(separator: "\n"))") }
            let simulator = try await RunningServer.simulator(rig.server, errors: rig.folder.file("errors"))
            let partners = PartneredClinic.environment(simulator: simulator.base, clinic: "http://127.0.0.1:9")
            // Who answers and who delivers are two, so that each is counted by itself.
            let front = try await rig.serve(house, ["--role", "api"], environment: partners)
            let http = Loopback()
            let tokens = Tokens(secret: try house.secret, clock: MachineClock())
            let desk = try await tokens.issue(for: Caller(role: .desk, subject: CrashClinic.id(9, 1)), lasting: .days(1))
            let admin = try await tokens.issue(for: Caller(role: .admin, subject: CrashClinic.id(9, 2)), lasting: .days(1))
            try await PartneredClinic.furnish(front.base, by: http, admin: admin, desk: desk, elsewhere: nil, patients: 8)
            var findings: [Finding] = []
            for (turn, allowed) in Self.allowed.enumerated() {
                _ = try await counted(cluster, database.name)
                for number in 0..<Self.count { try await change(turn, number, front.base, by: http, desk) }
                let asked = try await counted(cluster, database.name, telling: allowed.verb)
                let worker = try await rig.serve(house, ["--role", "worker"], environment: partners)
                _ = try await counted(cluster, database.name)
                try await isDelivered(cluster, database.name)
                let followed = try await counted(cluster, database.name, telling: "what follows a \(allowed.verb)")
                _ = await worker.stop()
                findings += [
                    .bound("statements for a \(allowed.verb)", asked, unit: "", below: allowed.asked),
                    .bound("… and for what it sets off", followed, unit: "", below: allowed.followed),
                ]
            }
            await http.close()
            _ = await front.stop()
            await simulator.process.kill()
            return findings
        }
    }

    private func change(_ turn: Int, _ number: Int, _ base: String, by http: Loopback, _ desk: String) async throws {
        let id = "\(CrashClinic.id(8, number + 1, ChangeCosts.self))"
        let day = BenchClinic.midnight(of: MachineClock().now, plus: 3 + turn * 60 + number / 16)
        let start = day + .minutes(8 * 60 + number % 16 * 15)
        let patient = PartneredClinic.patient(1 + number % 8)
        let (path, body): (String, String) =
            switch turn {
            case 0:
                (
                    "",
                    #"{"id":"\#(id)","visitType":"\#(PartneredClinic.plain)","practitioner":"\#(PartneredClinic.practitioner(1))","start":"\#(start)","patients":["\#(patient)"]}"#
                )
            case 1: ("/\(id)/rescheduling", #"{"start":"\#(start)"}"#)
            default: ("/\(id)/cancellation", "{}")
            }
        let reply = try await http.send(
            "POST", "\(base)/v1/appointments\(path)", token: desk, key: "\(turn)-\(number)", body: Array(body.utf8))
        guard reply.isSuccess else { throw ProcessFault("\(path): \(reply.status) \(reply.text)") }
    }

    /// Statements for each change since the last time, and which ones.
    private func counted(_ cluster: PrivateCluster, _ database: String, telling name: String? = nil) async throws -> Double {
        let mine = "FROM pg_stat_statements WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())"
        let all = try await cluster.psql("SELECT coalesce(sum(calls), 0) \(mine)", database: database).first.flatMap {
            Double($0)
        }
        if let name, rig.tellsStatements {
            say("\(name): \(Finding.short((all ?? 0) / Double(Self.count))) statements")
            let lines = try await cluster.psql(
                """
                SELECT format('%6s  %s', round(calls / \(Self.count).0, 2), left(regexp_replace(query, '[[:space:]]+', ' ', 'g'), 160))
                \(mine) AND calls >= \(Self.count / 5) ORDER BY calls DESC
                """, database: database)
            for line in lines { say("    \(line)") }
        }
        try await cluster.psql("SELECT pg_stat_statements_reset()", database: database)
        return (all ?? 0) / Double(Self.count)
    }

    private func isDelivered(_ cluster: PrivateCluster, _ database: String) async throws {
        let limit = ContinuousClock.now + .seconds(120)
        while try await cluster.psql(
            "SELECT count(*) FROM outbox WHERE state IN ('ready', 'running') AND topic NOT IN ('appointment.reminder', 'notice.watch')",
            database: database
        ).first != "0" {
            guard ContinuousClock.now < limit else { throw ProcessFault("the outbox does not become empty") }
            try await Task.sleep(for: .milliseconds(200))
        }
    }
}
