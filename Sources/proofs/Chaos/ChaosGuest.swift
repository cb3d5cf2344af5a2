import Foundation
import LoopbackClient
import Notation
import Processes
import Synchronization
import TestKit

/// One appointment as its client knows it.
struct Told: Sendable {
    enum Kind: String, CaseIterable, Sendable {
        /// The clinic's own word is enough.
        case own
        /// Somebody else's calendar has to agree.
        case elsewhere
        /// Held until it is paid.
        case paid
    }

    let id: String
    let kind: Kind
    let patient: Int
    let practitioner: Int
    /// Nil until a booking was acknowledged.
    var state: String?
    var start: Instant
    var version = 0
    var isPaymentAsked = false
    /// What its client is waiting to hear of; nobody knows what came of it.
    var open: String?
}

/// What all clients were told, kept outside the program that told them.
final class ToldEverybody: Sendable {
    private let known = Mutex<[String: Told]>([:])
    private let counts = Mutex<[String: Int]>([:])
    private let addresses = Mutex<Set<String>>([])

    var all: [Told] { known.withLock { Array($0.values) } }
    var tally: [String: Int] { counts.withLock { $0 } }

    subscript(id: String) -> Told? {
        get { known.withLock { $0[id] } }
        set { known.withLock { $0[id] = newValue } }
    }

    /// Who was asked in, by the address the letter goes to, and was acknowledged.
    var invited: Set<String> { addresses.withLock { $0 } }
    func invite(_ address: String) { addresses.withLock { _ = $0.insert(address) } }

    func count(_ what: String) { counts.withLock { $0[what, default: 0] += 1 } }
}

/// One client: books for its own three patients and changes its mind. A request nobody answered is repeated under its key, at any server that
/// listens, until somebody does.
actor ChaosGuest {
    private let clinic: ChaosClinic
    private let told: ToldEverybody
    private let lane: Int
    private var chance: Chance
    private var mine: [String] = []
    private var made = 0
    private var times = 0
    /// Milliseconds between what it does.
    private let pause: ClosedRange<Int>
    private let identifiers = Surroundings.machine().identifiers

    init(_ lane: Int, _ clinic: ChaosClinic, _ told: ToldEverybody, pause: ClosedRange<Int>, seed: UInt64) {
        self.pause = pause
        self.lane = lane
        self.clinic = clinic
        self.told = told
        chance = Chance(state: seed &* 1_000_003 &+ UInt64(lane))
    }

    /// Works until it is told to stop; then what is open is still brought to its end.
    func work(until isOver: @escaping @Sendable () -> Bool) async throws {
        while !isOver() {
            try await act()
            try await Task.sleep(for: .milliseconds(chance.number(pause)))
        }
    }

    private func act() async throws {
        let dice = chance.number(0...99)
        if dice < 3 {
            try await invite()
            return
        }
        let own = mine.compactMap { told[$0] }.filter { $0.state == "booked" || $0.state == "pending" }
        if dice >= 70, !own.isEmpty {
            let one = chance.one(of: own)
            // What waits for somebody else may be cancelled and nothing else.
            if dice < 85, one.kind == .own { return try await move(one) }
            try await cancel(one)
            return
        }
        try await book(Told.Kind.allCases[dice % 3])
    }

    /// Books one whose work goes to somebody outside by name.
    @discardableResult
    func book(for errand: Errand) async throws -> Told? {
        switch errand {
        case .sms: try await book(.own, patient: lane * 2 + 2)
        case .mail, .webhooks, .record, .recordEnd, .legacy, .legacyEnd, .bus, .letter:
            try await book(.own, patient: lane * 2 + 1)
        case .push: try await book(.own, patient: ChaosClinic.owner(lane))
        case .payment, .refund, .paymentEnd: try await book(.paid)
        case .watch: try await book(.own, patient: ChaosClinic.watched(lane))
        case .request, .withdrawal: try await book(.elsewhere)
        }
    }

    @discardableResult
    private func book(_ kind: Told.Kind, patient chosen: Int? = nil) async throws -> Told? {
        made += 1
        let patient = chosen ?? [lane * 2 + 1, lane * 2 + 2, ChaosClinic.owner(lane)][made % 3]
        // Each lane has practitioners of its own, and times it has not asked for before.
        let practitioner = (kind == .elsewhere ? 17 : made % 2 == 0 ? 1 : 9) + lane
        let told = Told(
            id: "\(identifiers.next(ChaosGuest.self))", kind: kind, patient: patient, practitioner: practitioner,
            start: nextStart())
        var json = JSONWriter()
        json.object { json in
            json.member("id", told.id)
            json.member("visitType", kind == .paid ? PartneredClinic.priced : PartneredClinic.plain)
            json.member("practitioner", PartneredClinic.practitioner(practitioner))
            json.member("start", told.start)
            json.member("patients", [PartneredClinic.patient(patient)])
            if kind == .paid { json.member("hold", true) }
        }
        self.told[told.id] = told
        guard try await ask("book", of: told.id, "/v1/appointments", json.bytes) else { return nil }
        mine.append(told.id)
        if kind == .paid, try await ask("pay", of: told.id, "/v1/appointments/\(told.id)/payment", []) {
            self.told[told.id]?.isPaymentAsked = true
        }
        return self.told[told.id]
    }

    /// Asks somebody in who has not been asked before.
    @discardableResult
    func invite() async throws -> Bool {
        made += 1
        let address = "invited-\(lane)-\(made)@example.org"
        let body = Array(#"{"email":"\#(address)","role":"desk"}"#.utf8)
        guard try await ask("invite", of: "\(lane)-\(made)", "/v1/accounts/invitations", body, by: clinic.admin) else {
            return false
        }
        told.invite(address)
        return true
    }

    @discardableResult
    func cancel(_ one: Told) async throws -> Bool {
        try await ask("cancel", of: one.id, "/v1/appointments/\(one.id)/cancellation", Array("{}".utf8))
    }

    private func move(_ one: Told) async throws {
        var json = JSONWriter()
        let start = nextStart()
        json.object { $0.member("start", start) }
        try await ask("move", of: one.id, "/v1/appointments/\(one.id)/rescheduling", json.bytes)
    }

    /// In the order of days, a quarter of an hour each, and none twice.
    private func nextStart() -> Instant {
        defer { times += 1 }
        return BenchClinic.midnight(of: MachineClock().now, plus: 3 + times / 32) + .minutes(8 * 60 + times % 32 * 15)
    }

    /// Asks until it is answered. True when it is done; false when the answer was no.
    @discardableResult
    private func ask(
        _ verb: String, of id: String, _ path: String, _ body: [UInt8], by caller: String? = nil
    ) async throws -> Bool {
        made += 1
        let key = "\(verb)-\(lane)-\(made)-\(id)"
        told[id]?.open = verb
        var turn = lane
        let limit = ContinuousClock.now + .seconds(150)
        while ContinuousClock.now < limit {
            turn += 1
            let base = clinic.bases[turn % clinic.bases.count]
            let reply = try? await clinic.http.send("POST", base + path, token: caller ?? clinic.desk, key: key, body: body)
            if let reply, reply.isFinal, reply.status != 429 {
                told[id]?.open = nil
                told.count("\(verb) \(reply.isSuccess ? "done" : "refused")")
                if reply.isSuccess, verb != "pay", let heard = reply.acknowledged {
                    told[id]?.state = heard.state
                    told[id]?.start = heard.start
                    told[id]?.version = heard.version
                }
                return reply.isSuccess
            }
            told.count("not answered")
            try await Task.sleep(for: .milliseconds(40))
        }
        throw ProcessFault("nobody answered \(verb) of \(id) within 150 s")
    }
}
