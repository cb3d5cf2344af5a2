#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif
import Foundation
import LoopbackClient
import Notation
import PostgresCluster
import PrivateBroker
import Processes
import Synchronization
import TestKit

/// The whole proof: rounds of load and faults, each with its reckoning.
final class ChaosOrdeal {
    private let clinic: ChaosClinic
    private let told = ToldEverybody()
    private let guests: [ChaosGuest]
    private var chance: Chance
    /// Forget after each kill what was written down before somebody outside was called, and whom there was to tell.
    private let isForgetful: Bool
    private(set) var violations: [String] = []
    /// How often a kill met each step of what.
    private(set) var met: [Errand: [Step: Int]] = [:]
    private(set) var kills = 0
    private var rounds = 0

    /// - Parameter isLight: each client takes its time, so that little is left to be delivered when a round ends.
    init(_ clinic: ChaosClinic, seed: UInt64, isForgetful: Bool, isLight: Bool) {
        self.clinic = clinic
        self.isForgetful = isForgetful
        chance = Chance(state: seed)
        let told = told
        let pause = isLight ? 60...300 : 5...60
        guests = (0..<ChaosClinic.lanes).map { ChaosGuest($0, clinic, told, pause: pause, seed: seed) }
    }

    /// Plays one round and reckons up. False when something is wrong: what follows would only be noise.
    func play(_ trial: Trial) async throws -> Bool {
        rounds += 1
        let began = ContinuousClock.now
        if isForgetful { clinic.broker.freeze() }
        switch trial {
        case .steps(let steps): for (errand, step) in steps { try await kill(during: step, of: errand) }
        case .behaviours(let behaviours): try await bearAll(behaviours)
        case .database(let faults): for fault in faults { try await restart(fault) }
        case .paused: try await pause()
        }
        let waited = try await clinic.time.on("settling") { try await settle() }
        let reckoning = ChaosReckoning(clinic, told)
        violations += try await clinic.time.on("reckoning") { try await reckoning.violations() }
        say(
            """
            \(clinic.engine), round \(rounds), \(trial.name): \(Int((ContinuousClock.now - began) / .seconds(1))) s, \
            settled after \(Int(waited)) s; \(told.all.count) appointments; \(violations.isEmpty ? "all is well" : "violated")
            """)
        return violations.isEmpty
    }

    var tally: String {
        told.tally.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", ")
    }

    // MARK: Load

    /// Everybody at work while `body` does something to the house.
    private func underLoad(_ body: () async throws -> Void) async throws {
        try await clinic.time.on("under load") { try await load(body) }
    }

    private func load(_ body: () async throws -> Void) async throws {
        let isOver = Over()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for guest in guests { group.addTask { try await guest.work { isOver.value } } }
            let clinic = clinic
            group.addTask {
                // Patients pay as soon as they can.
                while !isOver.value {
                    try await Self.payOpenOnes(in: clinic)
                    try await Task.sleep(for: .milliseconds(250))
                }
            }
            let result: Result<Void, any Error>
            do { result = .success(try await body()) } catch { result = .failure(error) }
            isOver.set()
            try await group.waitForAll()
            try result.get()
        }
    }

    private final class Over: Sendable {
        private let state = Mutex(false)
        var value: Bool { state.withLock { $0 } }
        func set() { state.withLock { $0 = true } }
    }

    /// Four of five are paid.
    private static func payOpenOnes(in clinic: ChaosClinic) async throws {
        for intent in try clinic.deedsOutside().intents
        where intent.status == "requires_payment_method" && intent.id.utf8.last! % 5 != 0 {
            try await clinic.press("pay", intent.id)
        }
    }

    private func pauseOfLoad(_ range: ClosedRange<Int>) async throws {
        // The length of the load is the experiment, not a wait for something to happen.
        try await Task.sleep(for: .milliseconds(chance.number(range)))
    }

    // MARK: Faults

    private func killed(_ indices: [Int]) async {
        for index in indices { await clinic.kill(index) }
        kills += indices.count
    }

    /// The planted faults, one for each thing that is counted: who was asked to carry a text message, which changes a subscriber and the bus
    /// were to hear of, and which devices have not been told yet.
    private func forget() async throws {
        for statement in [
            "UPDATE message SET unsure_since = NULL WHERE state = 'sending' AND channel = 'sms'",
            "DELETE FROM outbox WHERE topic IN ('webhook.deliver', 'bus.publish')",
        ] { try await clinic.change(statement) }
        let devices =
            clinic.cluster == nil ? "replace(devices, 'asked', 'taken')" : "replace(devices::text, 'asked', 'taken')::json"
        try await clinic.change("UPDATE message SET devices = \(devices) WHERE state = 'sending' AND channel = 'push'")
    }

    private func bearAll(_ behaviours: [Behaviour]) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for behaviour in behaviours {
                try await bear(behaviour)
                // It takes seconds to come back, and the others go on without it.
                if behaviour.broker == .killed { group.addTask { [clinic] in try await clinic.reviveBroker() } }
            }
            try await group.waitForAll()
        }
    }

    private func bear(_ behaviour: Behaviour) async throws {
        try await clinic.set(behaviour.mode, for: behaviour.only)
        if behaviour.broker == .frozen { clinic.broker.freeze() }
        try await underLoad {
            try await pauseOfLoad(300...1200)
            if behaviour.broker == .killed { await clinic.broker.kill() }
            await killed([chance.number(0...clinic.indices.count - 1)])
            try await pauseOfLoad(50...400)
            try await clinic.start()
            try await pauseOfLoad(200...800)
        }
        clinic.broker.thaw()
        try await clinic.set("{}", for: behaviour.only)
    }

    private func restart(_ fault: DatabaseFault) async throws {
        try await underLoad {
            try await pauseOfLoad(300...1500)
            if let cluster = clinic.cluster {
                switch fault {
                case .fast: await cluster.stop()
                case .immediate: await cluster.kill()
                }
                try await pauseOfLoad(100...1500)
                try await cluster.start()
            } else {
                // The embedded database is its server's.
                switch fault {
                case .fast: violations += await clinic.stop()
                case .immediate: await killed([0])
                }
                try await clinic.start()
            }
            try await pauseOfLoad(500...2000)
        }
    }

    /// Stops a worker while calls of its are under way, until its leases have run out and been taken.
    private func pause() async throws {
        try await clinic.set(#"{"delay":300}"#)
        let index = clinic.indices.last!
        try await underLoad {
            try await pauseOfLoad(400...1200)
            clinic.signal(SIGSTOP, to: index)
            try await Task.sleep(for: .seconds(ChaosClinic.leaseSeconds + ChaosClinic.leaseSeconds / 2))
            clinic.signal(SIGCONT, to: index)
            try await pauseOfLoad(300...1000)
        }
        try await clinic.set("{}")
    }

    // MARK: Steps

    /// Kills a worker at a step of a delivery, as often as it takes to meet it.
    private func kill(during step: Step, of errand: Errand) async throws {
        for attempt in 1...40 {
            guard try await clinic.time.on("deliveries before a kill", { try await drained(of: errand.topic) }) else {
                return violations.append("\(errand.rawValue): what was queued is not delivered, before \(step.rawValue)")
            }
            let found = try await killOnce(step, errand)
            if let found { met[errand, default: [:]][found, default: 0] += 1 }
            if isForgetful { try await forget() }
            try await clinic.set("{}", for: [errand.part])
            try await clinic.endLeasesOfTheDead()
            try await clinic.start()
            if found == step { return }
            if attempt == 40 { violations.append("no kill met the step \(step.rawValue) of \(errand.rawValue) in 40 tries") }
        }
    }

    private func drained(of topic: String) async throws -> Bool {
        try await becomes(withinSeconds: 60) { [clinic] in
            try await clinic.number(
                "SELECT count(*) FROM outbox WHERE topic IN ('\(topic)', 'appointment.event') AND state IN ('ready', 'running')")
                == 0
        }
    }

    /// Where the delivery was when its worker died; nil where that says nothing.
    private func killOnce(_ step: Step, _ errand: Errand) async throws -> Step? {
        let (part, guest) = (errand.part, chance.one(of: guests))
        var known: Told?
        if let earlier = errand.follows {
            known = try await clinic.time.on("what is given up afterwards") { try await done(earlier, by: guest) }
            if known == nil { return nil }
        }
        // Whoever only looks, as sweeps do, is none of it.
        let spares = #""sparesTokens":true,"sparesReads":true"#
        switch step {
        case .asked: try await clinic.set(#"{"delay":500,"times":1,\#(spares)}"#, for: [part])
        case .done: try await clinic.set(#"{"silent":true,"times":1,\#(spares)}"#, for: [part])
        case .answered: try await clinic.set(#"{"delay":300,"times":1,\#(spares)}"#, for: [part])
        case .queued, .leased, .settled: try await clinic.set("{\(spares)}", for: [part])
        }
        let before = try await clinic.tally(part)
        if let known {
            guard try await guest.cancel(known) else { return nil }
        } else {
            guard try await guest.book(for: errand) != nil else { return nil }
        }
        func calls() async throws -> OutsideTally { try await clinic.tally(part) - before }
        switch step {
        case .queued: await killed(Array(clinic.indices))
        case .leased:
            try await clinic.time.on("waiting for a lease") { try await untilLeased(errand) }
            await killed(Array(clinic.indices))
        case .asked:
            guard try await becomes({ try await calls().requests > 0 }) else { return nil }
            try await killTheHolder(of: errand)
        case .done:
            guard try await becomes({ try await calls().effects > 0 }) else { return nil }
            try await killTheHolder(of: errand)
        case .answered:
            guard try await becomes({ try await calls().requests > 0 }) else { return nil }
            let holder = try await clinic.holder(of: errand.topic)
            try await clinic.holdingTheDatabase {
                _ = try await becomes { try await calls().answers > 0 }
                // The answer is on this machine already; let it be read.
                try await Task.sleep(for: .milliseconds(60))
                await killed(holder.map { [$0] } ?? Array(clinic.indices))
            }
        case .settled:
            guard try await becomes({ try await calls().answers > 0 }), try await drained(of: errand.topic) else { return nil }
            await killed(Array(clinic.indices))
        }
        return try await place(of: errand, after: try await calls())
    }

    /// What came before is done here and there: a visit that is booked, and paid for where it costs something. Nil where it did not come to that.
    private func done(_ errand: Errand, by guest: ChaosGuest) async throws -> Told? {
        guard let told = try await guest.book(for: errand) else { return nil }
        let isBooked = try await becomes {
            if errand == .payment { try await Self.pay(for: told.id, in: clinic) }
            return try await clinic.state(of: told.id) == "booked"
        }
        guard isBooked, try await drained(of: errand.topic) else { return nil }
        return told
    }

    /// Pays what the provider has opened for one visit, if it has by now.
    private static func pay(for appointment: String, in clinic: ChaosClinic) async throws {
        let payments = try await clinic.rows("SELECT id FROM payment WHERE asked_for = \(clinic.sql(id: appointment))")
        for intent in try clinic.deedsOutside().intents
        where intent.status == "requires_payment_method" && payments.contains([intent.reference ?? ""]) {
            try await clinic.press("pay", intent.id)
        }
    }

    /// Lets the workers go on for a fraction of a millisecond at a time, until one of them has taken the delivery. They stand still afterwards.
    private func untilLeased(_ errand: Errand) async throws {
        for _ in 0..<500 {
            for index in clinic.indices { clinic.signal(SIGSTOP, to: index) }
            // The event comes first: what subscribers are told follows from it.
            let rows = try await clinic.rows(
                """
                SELECT state, topic FROM outbox WHERE topic IN ('\(errand.topic)', 'appointment.event') AND state IN ('ready', 'running')
                """)
            // Taken, or through already.
            if rows.isEmpty || rows.contains(where: { $0[0] == "running" && $0[1] == errand.topic }) { return }
            for index in clinic.indices { clinic.signal(SIGCONT, to: index) }
            usleep(UInt32(chance.number(100...500)))
        }
    }

    private func killTheHolder(of errand: Errand) async throws {
        let holder = try await clinic.holder(of: errand.topic)
        await killed(holder.map { [$0] } ?? Array(clinic.indices))
    }

    private func place(of errand: Errand, after calls: OutsideTally) async throws -> Step? {
        let states = try await clinic.rows(
            "SELECT state FROM outbox WHERE topic = '\(errand.topic)' AND state IN ('ready', 'running')"
        ).compactMap(\.first)
        if states.contains("running") {
            if calls.requests == 0 { return .leased }
            if calls.answers >= calls.requests { return .answered }
            return calls.effects > 0 ? .done : .asked
        }
        if calls.requests == 0 { return .queued }
        return states.isEmpty ? .settled : nil
    }

    private func becomes(withinSeconds seconds: Int = 20, _ look: () async throws -> Bool) async throws -> Bool {
        let limit = ContinuousClock.now + .seconds(seconds)
        while ContinuousClock.now < limit {
            if try await look() { return true }
            try await Task.sleep(for: .milliseconds(3))
        }
        return false
    }

    // MARK: The end of a round

    /// Everybody outside is well, every server is started anew, and what waits for its next try is tried at once. Seconds until nothing was
    /// left to do.
    private func settle() async throws -> Double {
        let began = ContinuousClock.now
        try await clinic.set("{}")
        let clinic = clinic
        async let broker: Void = clinic.reviveBroker()
        for entry in try clinic.deedsOutside().entries where entry.state == "pending" {
            try await clinic.press("confirm", entry.id)
        }
        violations += await clinic.stop()
        try await broker
        try await hurry()
        try await clinic.start()
        try await Self.payOpenOnes(in: clinic)
        var next = ContinuousClock.now + .seconds(10)
        while try await waiting() > 0 {
            guard ContinuousClock.now - began < .seconds(180) else {
                let left = try await clinic.rows(
                    "SELECT topic, state, attempt, coalesce(last_error, '') FROM outbox WHERE \(Self.unfinished)")
                violations.append("the outbox does not become empty: \(left.prefix(5))")
                break
            }
            if ContinuousClock.now > next {
                try await hurry()
                try await Self.payOpenOnes(in: clinic)
                next = ContinuousClock.now + .seconds(10)
            }
            try await Task.sleep(for: .milliseconds(100))
        }
        // What was told while nobody listened is read in the provider's list, as it would be once a day.
        if clinic.cluster == nil { violations += await clinic.stop() }
        let (status, said) = try await clinic.command(["payments", "reconcile", "--days", "1"])
        if status != 0 { violations.append("comparing payments ended with \(status): \(said.joined(separator: "; "))") }
        // Anew, so that what sweeps count is counted from here.
        violations += await clinic.stop()
        try await hurry()
        try await clinic.start()
        _ = try await becomes(withinSeconds: 90) { try await waiting() == 0 }
        return (ContinuousClock.now - began) / .seconds(1)
    }

    /// What is to be told outside, or was given up. Reminders and looks at what has arrived have their own time.
    private static let unfinished = """
        state = 'dead' OR (state IN ('ready', 'running')
            AND topic NOT IN ('appointment.reminder', 'appointment.hold-expiry', 'notice.watch'))
        """

    private func waiting() async throws -> Int {
        try await clinic.number("SELECT count(*) FROM outbox WHERE \(Self.unfinished)")
    }

    private func hurry() async throws {
        try await clinic.change(
            """
            UPDATE outbox SET available_at = created_at WHERE state = 'ready' AND (topic LIKE 'scheduling.%' OR topic LIKE 'records.%'
                OR topic LIKE 'payment.%' OR topic LIKE 'legacy.%' OR topic IN ('notice.send', 'webhook.deliver', 'bus.publish'))
            """)
    }
}
