#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif
import API
import Foundation
import LoopbackClient
import Notation
import People
import PostgresCluster
import Processes
import Synchronization

/// Bookings while those who carry text messages and mail and take payments hang, beside bookings while they are well (MC-2).
///
/// On the embedded database and on PostgreSQL. Two servers of the same clinic, one with partners that are well and one whose partners hang from the first booking on, by turns: while one
/// is asked the other is stopped, so that both have the same core for themselves in the same minute. Requests come when they are due, whether
/// or not earlier ones are answered. On PostgreSQL each has a database of its own on one server, which shares the other cores with who asks.
struct BrownOut {
    let rig: BenchRig
    private static let hanging = ["sms", "mail", "payments"]
    private static let patients = 200
    private static let practitioners = 60
    /// Longer than anybody is waited for, so that the first round sees how partners come to be left alone, and its clock never stops meanwhile.
    private static let firstRoundSeconds = 14

    func measure() async throws -> [Finding] {
        let cores = ProcessInfo.processInfo.activeProcessorCount
        guard cores > 1 else { throw ProcessFault("the brown-out is measured on two cores or more") }
        try await rig.keep(to: "1-\(cores - 1)")
        let findings = try await embedded() + served()
        try await rig.keep(to: "0-\(cores - 1)")
        return findings
    }

    private func embedded() async throws -> [Finding] {
        let empty = DataFolder(path: rig.folder.file("partnered"))
        try await fill(empty)
        return try await measure("") { name in
            let house = try rig.copy(of: empty, named: name)
            return Place(house: house) { try PlainFile(house.databasePath).number($0) }
        }
    }

    private func served() async throws -> [Finding] {
        try await PrivateCluster.withCluster(settings: PostgresRates.settings) { cluster in
            try await measure(", on PostgreSQL") { name in
                let database = try await cluster.freshDatabase()
                let house = DataFolder(path: rig.folder.file("\(name)-on-postgres"), url: database.url)
                try await fill(house)
                return Place(house: house) { question in
                    try await cluster.psql(question, database: database.name).first.flatMap { Int($0) } ?? -1
                }
            }
        }
    }

    /// Where one of both keeps its data.
    private struct Place: Sendable {
        let house: DataFolder
        /// Asks its database for a number, past the server.
        let number: @Sendable (String) async throws -> Int
    }

    private func measure(_ engine: String, _ place: (_ name: String) async throws -> Place) async throws -> [Finding] {
        let rate = Double(rig.perSecond)
        let well = try await Half("well", rig, try await place("well"))
        let ill = try await Half("ill", rig, try await place("ill"))
        for half in [well, ill] {
            try await half.furnish(patients: Self.patients)
            // Both meet the same number of bookings before anything counts, and with everybody well.
            _ = try await half.load(perSecond: rate, seconds: 3)
            try await half.isDelivered()
        }
        for part in Self.hanging { try await ill.set(#"{"hang":true}"#, for: part) }
        var (ratios, ours, theirs, failed): ([Double], [Double], [Double], Int) = ([], [], [], 0)
        var memory: (well: [Double], ill: [Double]) = ([], [])
        for round in 1...rig.rounds {
            let seconds = round == 1 ? max(Self.firstRoundSeconds, rig.seconds) : rig.seconds
            ill.pause()
            let calm = try await well.load(perSecond: rate, seconds: seconds)
            memory.well.append(try well.residentMebibytes)
            well.pause()
            ill.goOn()
            let brown = try await ill.load(perSecond: rate, seconds: seconds)
            memory.ill.append(try ill.residentMebibytes)
            well.goOn()
            (ours, theirs, failed) = (ours + [brown.p99], theirs + [calm.p99], failed + brown.failed + calm.failed)
            ratios.append(brown.p99 / max(0.001, calm.p99))
            say(
                """
                brown-out\(engine), round \(round): p99 \(Finding.short(brown.p99)) ms (p50 \(Finding.short(brown.p50))) of \(brown.count) bookings, \
                calm \(Finding.short(calm.p99)) ms (p50 \(Finding.short(calm.p50))) of \(calm.count); \
                \(Finding.short(memory.ill.last!)) MiB, calm \(Finding.short(memory.well.last!)) MiB
                """)
        }
        let opened = try ill.openings()
        await well.close()
        await ill.close()
        // The first round fills caches on both sides.
        func growth(_ figures: [Double]) -> Double { (figures.last ?? 0) - (figures.dropFirst().first ?? figures.first ?? 0) }
        return [
            .bound(
                "p99 of a booking while three partners hang, to calm (median of rounds)\(engine)", ratios.median, unit: "×",
                with: "\(Finding.short(ours.median)) to \(Finding.short(theirs.median)) ms", below: 1.1),
            .bound("bookings that failed\(engine)", Double(failed), unit: "errors", below: 1),
            .bound(
                "memory gained from the second round on\(engine)", growth(memory.ill), unit: "MiB",
                with: "calm: \(Finding.short(growth(memory.well))) MiB", below: max(0, growth(memory.well)) + 8),
        ]
            + Self.hanging.map { part in
                .bound(
                    "from the first failure of \(part) until it is left alone\(engine)", opened[part] ?? 3_600, unit: "s",
                    below: 2)
            }
    }

    private func fill(_ house: DataFolder) async throws {
        let document = rig.folder.file("partnered.json")
        try Data(PartneredClinic.document(practitioners: Self.practitioners, patients: Self.patients)).write(
            to: URL(fileURLWithPath: document))
        house.makeSecret()
        let (status, said) = try await ChildProcess.run(rig.server, ["import", document] + house.flags, errors: nil)
        guard status == 0 else { throw ProcessFault("the import ended with \(status): \(said.joined(separator: "\n"))") }
    }

    /// A server with partners of its own.
    private final class Half: Sendable {
        struct Result {
            var count = 0
            var failed = 0
            /// Milliseconds.
            var p50 = 0.0
            var p99 = 0.0
        }

        private struct Tally {
            var milliseconds: [Double] = []
            var failed = 0
        }

        private let server: RunningServer
        private let simulator: RunningServer
        private let place: Place
        private let log: String
        private let http = Loopback(connections: 200, timeoutSeconds: 10)
        private let desk: String
        private let admin: String
        private let number = Mutex(0)
        private let tally = Mutex(Tally())

        init(_ name: String, _ rig: BenchRig, _ place: Place) async throws {
            self.place = place
            let house = place.house
            log = "\(house.path).log"
            simulator = try await RunningServer.simulator(rig.server, errors: rig.folder.file("\(name)-simulator.log"))
            server = try await RunningServer.start(
                "/usr/bin/taskset", ["-c", "0", rig.server, "serve", "--port", "0"] + house.flags,
                // Nobody is told: what those outside would say is not there while they hang, and would only be a load on one side.
                environment: PartneredClinic.environment(simulator: simulator.base, clinic: "http://127.0.0.1:9"), errors: log)
            let tokens = Tokens(secret: try house.secret, clock: MachineClock())
            desk = try await tokens.issue(for: Caller(role: .desk, subject: CrashClinic.id(9, 1)), lasting: .days(1))
            admin = try await tokens.issue(for: Caller(role: .admin, subject: CrashClinic.id(9, 2)), lasting: .days(1))
        }

        func furnish(patients: Int) async throws {
            try await PartneredClinic.furnish(
                server.base, by: http, admin: admin, desk: desk, elsewhere: nil, patients: patients)
        }

        func close() async {
            goOn()
            await server.process.kill()
            await simulator.process.kill()
            await http.close()
        }

        func pause() { server.process.signal(SIGSTOP) }
        func goOn() { server.process.signal(SIGCONT) }

        var residentMebibytes: Double { get throws { try server.process.residentMebibytes } }

        func set(_ mode: String, for part: String) async throws {
            let reply = try await http.send("PUT", "\(simulator.base)/modes/\(part)", body: Array(mode.utf8))
            guard reply.status == 200 else { throw ProcessFault("the simulator refuses the mode: \(reply.text)") }
        }

        func isDelivered() async throws {
            let limit = ContinuousClock.now + .seconds(60)
            while try await place.number(
                "SELECT count(*) FROM outbox WHERE state IN ('ready', 'running') AND topic NOT IN ('appointment.reminder', 'appointment.hold-expiry', 'notice.watch')"
            ) > 0 {
                guard ContinuousClock.now < limit else { throw ProcessFault("the outbox does not become empty") }
                try await Task.sleep(for: .milliseconds(50))
            }
        }

        /// Bookings at their own pace; one in ten is held and a payment asked for.
        func load(perSecond rate: Double, seconds: Int) async throws -> Result {
            tally.withLock { $0 = Tally() }
            let began = ContinuousClock.now
            await withDiscardingTaskGroup { group in
                var sent = 0
                while (ContinuousClock.now - began) / .seconds(1) < Double(seconds) {
                    while Double(sent) < (ContinuousClock.now - began) / .seconds(1) * rate {
                        sent += 1
                        group.addTask { await self.book() }
                    }
                    try? await Task.sleep(for: .milliseconds(1))
                }
            }
            return tally.withLock { tally in
                let sorted = tally.milliseconds.sorted()
                return Result(
                    count: sorted.count, failed: tally.failed, p50: sorted.median,
                    p99: sorted.isEmpty ? 0 : sorted[min(sorted.count - 1, sorted.count * 99 / 100)])
            }
        }

        private func book() async {
            let number = number.withLock { number in
                defer { number += 1 }
                return number
            }
            // As many at once as there are practitioners, each with a patient of their own.
            let (slot, who) = (number / BrownOut.practitioners, number % BrownOut.practitioners)
            let patient = (number % (BrownOut.patients / BrownOut.practitioners * BrownOut.practitioners))
            let start = BenchClinic.midnight(of: MachineClock().now, plus: 3 + slot / 32) + .minutes(8 * 60 + slot % 32 * 15)
            let isPaid = number % 10 == 0
            var json = JSONWriter()
            json.object { json in
                json.member("visitType", isPaid ? PartneredClinic.priced : PartneredClinic.plain)
                json.member("practitioner", PartneredClinic.practitioner(1 + who))
                json.member("start", start)
                json.member("patients", [PartneredClinic.patient(1 + patient)])
                if isPaid { json.member("hold", true) }
            }
            let began = ContinuousClock.now
            let reply = try? await http.send(
                "POST", "\(server.base)/v1/appointments", token: desk, key: "book-\(number)", body: json.bytes)
            let milliseconds = (ContinuousClock.now - began) / .milliseconds(1)
            var isDone = reply?.status == 201
            if isPaid, isDone, let id = reply.flatMap({ try? JSON(parsing: $0.body) })?["id"]?.string {
                let asked = try? await http.send(
                    "POST", "\(server.base)/v1/appointments/\(id)/payment", token: desk, key: "pay-\(number)")
                isDone = (200..<300).contains(asked?.status ?? 0)
            }
            let isAllDone = isDone
            tally.withLock { tally in
                if isAllDone { tally.milliseconds.append(milliseconds) } else { tally.failed += 1 }
            }
        }

        /// Seconds from the first call that failed until the destination was left alone, as the server's log has it.
        func openings() throws -> [String: Double] {
            let text = try String(contentsOfFile: log, encoding: .utf8)
            var (first, opened): ([String: Instant], [String: Double]) = ([:], [:])
            for line in text.split(separator: "\n") where line.contains(#""evt":"outbound."#) {
                let json = try JSON(parsing: Array(line.utf8))
                guard let at = json["time"]?.string.flatMap({ Instant($0) }), let event = json["evt"]?.string,
                    let more = json["extra"], let part = more["destination"]?.string, opened[part] == nil
                else { continue }
                if event == "outbound.breaker" {
                    if more["state"]?.string == "left alone", let began = first[part] { opened[part] = (at - began).seconds }
                } else if first[part] == nil, !["outbound.crowded", "outbound.resting", "outbound.never"].contains(event) {
                    first[part] = at
                }
            }
            return opened
        }
    }
}
