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

    /// The planted faults, one for each thing that is counted: who was asked to carry a text message, or an account's letter, which changes a
    /// subscriber and the bus were to hear of, which text message is to be asked after, and which devices have not been told yet.
    private func forget() async throws {
        for statement in [
            "UPDATE message SET unsure_since = NULL WHERE state = 'sending' AND channel = 'sms'",
            "UPDATE outbox SET lease = 0 WHERE topic = 'account.letter'",
            "DELETE FROM outbox WHERE topic IN ('webhook.deliver', 'bus.publish')",
            "DELETE FROM outbox WHERE \(Self.watches)",
        ] { try await clinic.change(statement) }
        let devices =
            clinic.cluster == nil ? "replace(devices, 'asked', 'taken')" : "replace(devices::text, 'asked', 'taken')::json"
        try await clinic.change("UPDATE message SET devices = \(devices) WHERE state = 'sending' AND channel = 'push'")
    }

    private func bearAll(_ behaviours: [[Behaviour]]) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for some in behaviours {
                try await bear(some)
                // It takes seconds to come back, and the others go on without it.
                if some.contains(where: { $0.broker == .killed }) {
                    group.addTask { [clinic] in try await clinic.reviveBroker() }
                }
            }
            try await group.waitForAll()
        }
    }

    private func bear(_ behaviours: [Behaviour]) async throws {
        for behaviour in behaviours { try await clinic.set(behaviour.mode, for: behaviour.only) }
        let broker = behaviours.compactMap(\.broker).first
        if broker == .frozen { clinic.broker.freeze() }
        try await underLoad {
            try await pauseOfLoad(300...1200)
            if broker == .killed { await clinic.broker.kill() }
            await killed([chance.number(0...clinic.indices.count - 1)])
            try await pauseOfLoad(50...400)
            try await clinic.start()
            try await pauseOfLoad(200...800)
        }
        clinic.broker.thaw()
        for behaviour in behaviours { try await clinic.set("{}", for: behaviour.only) }
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
            // Of what is asked after, what was to be sent.
            let before = errand == .watch ? Errand.sms.topic : errand.topic
            guard try await clinic.time.on("deliveries before a kill", { try await drained("topic = '\(before)'") }) else {
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

    /// - Parameter work: a condition on the outbox.
    private func drained(_ work: String) async throws -> Bool {
        try await becomes(withinSeconds: 60) { [clinic] in
            try await clinic.number(
                "SELECT count(*) FROM outbox WHERE (\(work) OR topic = 'appointment.event') AND state IN ('ready', 'running')")
                == 0
        }
    }

    /// Where the delivery was when its worker died; nil where that says nothing.
    private func killOnce(_ step: Step, _ errand: Errand) async throws -> Step? {
        let (part, guest) = (errand.part, chance.one(of: guests))
        let ready = try await clinic.time.on("what comes before what is met") { try await prepared(errand, by: guest) }
        guard let aim = ready else { return nil }
        let spares = errand.spares
        switch step {
        case .asked: try await clinic.set(#"{"delay":500,"times":1,\#(spares)}"#, for: [part])
        case .done: try await clinic.set(#"{"silent":true,"times":1,\#(spares)}"#, for: [part])
        case .answered: try await clinic.set(#"{"delay":300,"times":1,\#(spares)}"#, for: [part])
        case .queued, .leased, .settled: try await clinic.set("{\(spares)}", for: [part])
        }
        let before = try await clinic.tally(part)
        guard try await begin(aim, guest) else { return nil }
        func calls() async throws -> OutsideTally { try await clinic.tally(part) - before }
        switch step {
        case .queued: await killed(Array(clinic.indices))
        case .leased:
            try await clinic.time.on("waiting for a lease") { try await untilLeased(aim) }
            await killed(Array(clinic.indices))
        case .asked:
            guard try await becomes({ try await calls().requests > 0 }) else { return nil }
            try await killTheHolder(of: aim)
        case .done:
            guard try await becomes({ try await calls().effects > 0 }) else { return nil }
            try await killTheHolder(of: aim)
        case .answered:
            guard try await becomes({ try await calls().requests > 0 }) else { return nil }
            let holder = try await clinic.holder(of: aim.work)
            try await clinic.holdingTheDatabase {
                _ = try await becomes { try await calls().answers > 0 }
                // The answer is on this machine already; let it be read.
                try await Task.sleep(for: .milliseconds(60))
                await killed(holder.map { [$0] } ?? Array(clinic.indices))
            }
        case .settled:
            guard try await becomes({ try await calls().answers > 0 }), try await drained(aim.work) else { return nil }
            await killed(Array(clinic.indices))
        }
        return try await place(of: aim, after: try await calls())
    }

    /// Everything that has to have happened before; nil where it did not come to that.
    private func prepared(_ errand: Errand, by guest: ChaosGuest) async throws -> Aim? {
        if errand == .watch { return try await unarrived(by: guest) }
        guard let earlier = errand.follows else { return Aim(errand: errand) }
        let known = errand == .paymentEnd ? try await opened(by: guest) : try await done(earlier, by: guest)
        return known.map { Aim(errand: errand, known: $0) }
    }

    /// What came before is done here and there: a visit that is booked, and paid for where it costs something. Nil where it did not come to that.
    private func done(_ errand: Errand, by guest: ChaosGuest) async throws -> Told? {
        guard let told = try await guest.book(for: errand) else { return nil }
        let isBooked = try await becomes {
            if errand == .payment { try await Self.pay(for: told.id, in: clinic) }
            return try await clinic.state(of: told.id) == "booked"
        }
        guard isBooked, try await drained("topic = '\(errand.topic)'") else { return nil }
        return told
    }

    /// A payment that is open, and that nobody pays.
    private func opened(by guest: ChaosGuest) async throws -> Told? {
        guard let told = try await guest.book(for: .payment) else { return nil }
        let isOpen = try await becomes {
            try await clinic.rows("SELECT state FROM payment WHERE asked_for = \(clinic.sql(id: told.id))").first == ["open"]
        }
        guard isOpen, try await drained("topic = '\(Errand.payment.topic)'") else { return nil }
        return told
    }

    /// A text message that was taken and has not arrived, and nobody was told.
    private func unarrived(by guest: ChaosGuest) async throws -> Aim? {
        try await clinic.set(#"{"receipts":"undelivered","lostWebhooks":true}"#, for: [.sms])
        guard let told = try await guest.book(for: .watch) else { return nil }
        var message: [String] = []
        _ = try await becomes {
            message =
                try await clinic.rows(
                    """
                    SELECT id FROM message WHERE appointment_id = \(clinic.sql(id: told.id)) AND channel = 'sms' AND state = 'handed-over'
                    """
                ).first ?? []
            return !message.isEmpty
        }
        try await clinic.set("{}", for: [.sms])
        return message.first.map { Aim(errand: .watch, message: $0) }
    }

    /// Sets it off. False where somebody was told no.
    private func begin(_ aim: Aim, _ guest: ChaosGuest) async throws -> Bool {
        if let known = aim.known { return try await guest.cancel(known) }
        switch aim.errand {
        case .letter: return try await guest.invite()
        case .watch:
            // Its time is over.
            try await clinic.change("UPDATE outbox SET available_at = created_at WHERE state = 'ready' AND \(aim.work)")
            return true
        default: return try await guest.book(for: aim.errand) != nil
        }
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
    private func untilLeased(_ aim: Aim) async throws {
        let limit = ContinuousClock.now + .seconds(15)
        while ContinuousClock.now < limit {
            for index in clinic.indices { clinic.signal(SIGSTOP, to: index) }
            // The event comes first: what subscribers are told follows from it.
            let rows: [[String]]
            do {
                rows = try await clinic.rows(
                    """
                    SELECT state, topic FROM outbox WHERE (\(aim.work) OR topic = 'appointment.event') AND state IN ('ready', 'running')
                    """)
            } catch is PlainFile.Fault {
                // Whoever stands still in the midst of taking a lock keeps others out of the file. What does not pass is seen when it is looked up.
                for index in clinic.indices { clinic.signal(SIGCONT, to: index) }
                continue
            }
            // Taken, or through already.
            if rows.isEmpty || rows.contains(where: { $0[0] == "running" && $0[1] == aim.errand.topic }) { return }
            for index in clinic.indices { clinic.signal(SIGCONT, to: index) }
            usleep(UInt32(chance.number(100...500)))
        }
    }

    private func killTheHolder(of aim: Aim) async throws {
        let holder = try await clinic.holder(of: aim.work)
        await killed(holder.map { [$0] } ?? Array(clinic.indices))
    }

    private func place(of aim: Aim, after calls: OutsideTally) async throws -> Step? {
        let states = try await clinic.rows(
            "SELECT state FROM outbox WHERE \(aim.work) AND state IN ('ready', 'running')"
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

    /// What is to be told outside, or was given up. Reminders and looks at what has arrived have their own time, unless it has come.
    private static let unfinished = """
        state = 'dead' OR (state IN ('ready', 'running')
            AND (topic NOT IN ('appointment.reminder', 'appointment.hold-expiry', 'notice.watch') OR \(watches)))
        """
    /// Looks that have begun, or are to.
    private static let watches = "(topic = 'notice.watch' AND (attempt > 0 OR available_at = created_at))"

    private func waiting() async throws -> Int {
        try await clinic.number("SELECT count(*) FROM outbox WHERE \(Self.unfinished)")
    }

    private func hurry() async throws {
        try await clinic.change(
            """
            UPDATE outbox SET available_at = created_at WHERE state = 'ready' AND (topic LIKE 'scheduling.%' OR topic LIKE 'records.%'
                OR topic LIKE 'payment.%' OR topic LIKE 'legacy.%' OR \(Self.watches)
                OR topic IN ('notice.send', 'webhook.deliver', 'bus.publish', 'account.letter'))
            """)
    }
}
