import API
import Foundation
import LoopbackClient
import Notation
import People
import Processes
import Synchronization

/// What is left of a server that is offered five times what it can do (MC-10). Requests come when they are due, whether or not earlier
/// ones are answered: searches over five hundred full calendars most of all, bookings, reports, people who arrive, and who asks how the
/// house is. Beside them two people a second sign in, whatever else is asked: what a password costs does not grow with the load.
///
/// The server has one core and whoever asks the other: a generator on the same core takes more of it the more it asks, and what is
/// measured is who is quicker.
struct Overload {
    let rig: BenchRig
    /// Who asks waits so long; an answer after that helps nobody.
    private static let patience: Int64 = 2
    private static let steps = [0.5, 1.0, 2.0, 3.0, 4.0, 5.0]

    func measure() async throws -> [Finding] {
        let cores = ProcessInfo.processInfo.activeProcessorCount
        guard cores > 1 else { throw ProcessFault("the overload is measured on two cores or more") }
        try await rig.keep(to: "1-\(cores - 1)")
        let with = try await run(limited: true)
        let without = try await run(limited: false)
        try await rig.keep(to: "0-\(cores - 1)")
        let (peak, last) = (with.steps.map(\.goodput).max() ?? 1, with.steps.last ?? OfferedLoad.Result())
        let unlimited = without.steps.last ?? OfferedLoad.Result()
        return [
            .ratio(
                "answers a second at five times the load", last.goodput, peak, unit: "/s", with: "the best of all steps",
                atLeast: 0.9),
            .ratio(
                "the same", last.goodput, max(1, unlimited.goodput), unit: "/s", with: "limits.overload off", atLeast: 1),
            .bound("vital requests not answered, at five times the load", last.vitalFailures * 100, unit: "%", below: 0.1),
            .bound("p99 of a vital request without a password, at five times the load", last.vitalP99, unit: "ms", below: 250),
            .bound("p99 of signing in, at five times the load", last.signInP99, unit: "ms", below: 2_000),
            .bound(
                "requests not answered, ten seconds later at half of what it can do", with.after.failures * 100, unit: "%",
                below: 0.1),
            .ratio(
                "median of an answer before, to ten seconds later", with.before.p50 * 1_000, max(1, with.after.p50 * 1_000),
                unit: "µs",
                with: "ten seconds after the load has fallen", atLeast: 0.67),
        ]
    }

    private struct Run {
        var before = OfferedLoad.Result()
        var steps: [OfferedLoad.Result] = []
        var after = OfferedLoad.Result()
    }

    private func run(limited: Bool) async throws -> Run {
        let house = try rig.copy(of: try await rig.clinicAhead(), named: limited ? "limited" : "unlimited")
        try await BenchAccounts(rig: rig, house: house).make("chief")
        let server = try await rig.serve(house, environment: ["MEDICONNECT_LIMITS_OVERLOAD": limited ? "on" : "off"], core: 0)
        let load = try await OfferedLoad(server.base, house, patienceSeconds: Self.patience)
        _ = try await load.closed(seconds: 2)
        let capacity = try await load.closed(seconds: rig.seconds)
        say("overload, \(limited ? "limited" : "without limits"): \(Int(capacity))/s by 32 who wait for their answers")
        var run = Run()
        for step in Self.steps {
            let result = try await load.open(perSecond: capacity * step, seconds: rig.seconds)
            say("  offered \(Finding.short(step))×: \(result)")
            if step == Self.steps[0] { run.before = result }
            run.steps.append(result)
        }
        _ = try await load.open(perSecond: capacity * Self.steps[0], seconds: 10)
        run.after = try await load.open(perSecond: capacity * Self.steps[0], seconds: rig.seconds)
        say("  ten seconds later at \(Finding.short(Self.steps[0]))×: \(run.after)")
        await load.close()
        _ = await server.stop()
        return run
    }
}

/// Requests at a pace of their own.
final class OfferedLoad: Sendable {
    struct Result: CustomStringConvertible {
        var offered = 0
        var good = 0
        var vital = 0
        var vitalGood = 0
        /// Of the vital ones.
        var signIns = 0
        var signInsGood = 0
        /// What came instead of an answer to a vital request, and how often.
        var vitalMissed: [String: Int] = [:]
        var seconds = 1.0
        /// Milliseconds of those answered.
        var p50 = 0.0
        var vitalP99 = 0.0
        var signInP99 = 0.0

        var goodput: Double { Double(good) / seconds }
        var failures: Double { 1 - Double(good) / Double(max(1, offered)) }
        var vitalFailures: Double { 1 - Double(vitalGood) / Double(max(1, vital)) }
        private var missed: String {
            vitalMissed.isEmpty
                ? "" : "; not answered: " + vitalMissed.sorted { $0.key < $1.key }.map { "\($1) × \($0)" }.joined(separator: ", ")
        }
        var description: String {
            """
            \(Int(Double(offered) / seconds))/s asked, \(Int(goodput))/s answered, p50 \(Finding.short(p50)) ms; vital \(vitalGood) of \
            \(vital), p99 \(Finding.short(vitalP99)) ms, sign-ins among them \(signInsGood) of \(signIns), \
            p99 \(Finding.short(signInP99)) ms\(missed)
            """
        }
    }

    private struct Tally {
        var vitalMissed: [String: Int] = [:]
        var milliseconds: [Double] = []
        /// Without passwords.
        var vitalMilliseconds: [Double] = []
        var signInMilliseconds: [Double] = []
        var (offered, vital, underWay) = (0, 0, 0)
        var signIns = 0
    }

    /// More under way than any client would have.
    private static let underWayMaximum = 4_000
    private static let signInsPerSecond = 2

    private let base: String
    private let http: Loopback
    /// Who arrives has a connection of their own, and does not stand behind a search in somebody else's browser.
    private let vitalHTTP: Loopback
    private let desk: String
    private let plan: Plan
    private let now: Instant
    private let number = Mutex(0)
    private let tally = Mutex(Tally())

    init(_ base: String, _ house: DataFolder, patienceSeconds: Int64) async throws {
        let now = MachineClock().now
        self.base = base
        self.now = now
        plan = Plan(now: now)
        http = Loopback(connections: 1_500, timeoutSeconds: patienceSeconds)
        vitalHTTP = Loopback(connections: 200, timeoutSeconds: patienceSeconds)
        let tokens = Tokens(secret: try house.secret, clock: MachineClock())
        desk = try await tokens.issue(for: Caller(role: .desk, subject: BenchClinic.id(.patient, 1)), lasting: .days(1))
    }

    func close() async {
        await http.close()
        await vitalHTTP.close()
    }

    /// As many as 32 who wait for their answers get, in a second.
    func closed(seconds: Int) async throws -> Double {
        let end = ContinuousClock.now + .seconds(seconds)
        tally.withLock { $0 = Tally() }
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<32 { group.addTask { while ContinuousClock.now < end { await self.ask() } } }
        }
        return Double(tally.withLock { $0.milliseconds.count }) / Double(seconds)
    }

    func open(perSecond rate: Double, seconds: Int) async throws -> Result {
        tally.withLock { $0 = Tally() }
        let began = ContinuousClock.now
        await withDiscardingTaskGroup { group in
            var (sent, signIns) = (0, 0)
            while true {
                let passed = (ContinuousClock.now - began) / .seconds(1)
                if passed >= Double(seconds) { break }
                while Double(sent) < passed * rate {
                    sent += 1
                    group.addTask { await self.ask() }
                }
                while Double(signIns) < passed * Double(Self.signInsPerSecond) {
                    signIns += 1
                    group.addTask { await self.signIn() }
                }
                try? await Task.sleep(for: .milliseconds(1))
            }
        }
        return tally.withLock { tally in
            var result = Result(offered: tally.offered, good: tally.milliseconds.count, vital: tally.vital)
            result.seconds = Double(seconds)
            result.vitalGood = tally.vitalMilliseconds.count + tally.signInMilliseconds.count
            result.vitalMissed = tally.vitalMissed
            (result.signIns, result.signInsGood) = (tally.signIns, tally.signInMilliseconds.count)
            result.p50 = tally.milliseconds.median
            result.vitalP99 = Self.percentile99(of: tally.vitalMilliseconds)
            result.signInP99 = Self.percentile99(of: tally.signInMilliseconds)
            return result
        }
    }

    private static func percentile99(of milliseconds: [Double]) -> Double {
        let sorted = milliseconds.sorted()
        return sorted.isEmpty ? 0 : sorted[min(sorted.count - 1, sorted.count * 99 / 100)]
    }

    /// One request of the mix. An answer is one that says what came of it: not that there is too much to do, nor too late.
    private func ask() async {
        let number = number.withLock { number in
            number += 1
            return number
        }
        let isVital = number % 20 == 0
        let mayAsk = tally.withLock { tally in
            tally.offered += 1
            if isVital { tally.vital += 1 }
            guard tally.underWay < Self.underWayMaximum else {
                if isVital { tally.vitalMissed["not asked", default: 0] += 1 }
                return false
            }
            tally.underWay += 1
            return true
        }
        guard mayAsk else { return }
        let began = ContinuousClock.now
        let status = try? await send(number)
        let milliseconds = (ContinuousClock.now - began) / .milliseconds(1)
        tally.withLock { tally in
            tally.underWay -= 1
            guard let status, status < 500, status != 429 else {
                if isVital { tally.vitalMissed[status.map { "\($0)" } ?? "no answer", default: 0] += 1 }
                return
            }
            tally.milliseconds.append(milliseconds)
            if isVital { tally.vitalMilliseconds.append(milliseconds) }
        }
    }

    private func signIn() async {
        tally.withLock { tally in
            tally.offered += 1
            tally.vital += 1
            tally.signIns += 1
        }
        let began = ContinuousClock.now
        let heard = try? await BenchAccounts.answer("chief", BenchAccounts.password, at: base, by: vitalHTTP)
        let milliseconds = (ContinuousClock.now - began) / .milliseconds(1)
        guard heard?.status == 201 else {
            return tally.withLock { $0.vitalMissed[heard.map { "sign-in \($0.status)" } ?? "no sign-in", default: 0] += 1 }
        }
        tally.withLock { tally in
            tally.milliseconds.append(milliseconds)
            tally.signInMilliseconds.append(milliseconds)
        }
    }

    private func send(_ number: Int) async throws -> Int {
        let nobody = BenchClinic.id(.patient, 1, as: Plan.self)
        switch number % 20 {
        case 0 where number % 40 == 0: return try await vitalHTTP.send("GET", base + "/health/ready").status
        // Somebody who is not expected: it is looked for all the same.
        case 0:
            return try await vitalHTTP.send(
                "POST", base + "/v1/appointments/\(nobody)/arrival", token: desk, key: "arrival-\(now.microseconds)-\(number)"
            ).status
        case 1...4: return try await book(number)
        case 5: return try await http.send("GET", base + "/v1/appointments/\(nobody)/audit", token: desk).status
        default:
            let path = "/v1/free-times?visitType=\(BenchClinic.full)&limit=20&from=\(now)&to=\(now + .days(90))"
            return try await http.send("GET", base + path, token: desk).status
        }
    }

    private func book(_ number: Int) async throws -> Int {
        let values = plan.values(number)
        var json = JSONWriter()
        json.object { json in
            json.member("visitType", BenchClinic.short)
            json.member("practitioner", values.practitioner)
            json.member("start", values.start)
            json.member("patients", [values.patient])
        }
        return try await http.send(
            "POST", base + "/v1/appointments", token: desk, key: "book-\(now.microseconds)-\(number)", body: json.bytes
        ).status
    }
}
