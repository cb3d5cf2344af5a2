import LoopbackClient
import Notation
import Scheduling
import TestKit

/// One client: books for its own patients and looks after what it booked. It never forgets a request whose outcome it does
/// not know; that one comes first when the server is back.
actor Visitor {
    private let number: Int
    private let patients: [(id: String, token: String)]
    private let http: Loopback
    private let history: History
    private let ledger: Ledger
    private let identifiers: any IdentifierSource
    /// Whether the database may be away for a while: then a request is repeated until it is back.
    private let bearsOutages: Bool
    private var chance: Chance
    private var mine: [Acknowledged] = []
    private var tokens: [ID<Appointment>: String] = [:]
    private var pending: Deed?
    private var made = 0

    init(
        number: Int, patients: [(id: String, token: String)], seed: UInt64, http: Loopback, history: History, ledger: Ledger,
        identifiers: any IdentifierSource, bearsOutages: Bool = false
    ) {
        self.number = number
        self.patients = patients
        self.http = http
        self.history = history
        self.ledger = ledger
        self.identifiers = identifiers
        self.bearsOutages = bearsOutages
        chance = Chance(state: seed &* 1_000_003 &+ UInt64(number))
    }

    /// Works until the server is gone. Bookings of one cycle crowd into two days, so that clients meet. With `onlyOpen` it
    /// only finds out what came of the last request.
    func work(at base: String, firstDay: Instant, onlyOpen: Bool = false) async {
        repeat {
            switch await step(at: base, firstDay: firstDay, onlyOpen: onlyOpen) {
            case .acted, .looked: break
            case .idle, .unanswered: return
            }
        } while !Task.isCancelled
    }

    /// What came of one step.
    enum Step: Sendable {
        /// A change was answered for good.
        case acted
        case looked
        /// Nothing is open, and nothing else was wanted.
        case idle
        case unanswered
    }

    /// One change or one look, or another try at the change whose outcome is not known. Who has another server to go to does not
    /// wait for one whose database is away.
    func step(at base: String, firstDay: Instant, onlyOpen: Bool = false, hasAnother: Bool = false) async -> Step {
        if pending == nil {
            if onlyOpen { return .idle }
            if chance.below(20) == 0 { return await look(at: base) ? .looked : .unanswered }
            pending = next(firstDay)
        }
        guard let deed = pending, let reply = await perform(deed, at: base, hasAnother: hasAnother) else { return .unanswered }
        pending = nil
        settle(deed, reply)
        return .acted
    }

    // MARK: What to do next

    private func next(_ firstDay: Instant) -> Deed {
        let dice = chance.below(100)
        if dice >= 60, let appointment = chance.pick(mine) {
            if appointment.state == "pending" && dice < 85 { return change(.confirm, appointment, "confirmation") }
            if dice < 80 { return move(appointment, firstDay) }
            return change(.cancel, appointment, "cancellation")
        }
        return booking(isHold: dice % 4 == 0, firstDay)
    }

    private func booking(isHold: Bool, _ firstDay: Instant) -> Deed {
        let id = identifiers.next(Appointment.self)
        let patient = patients[chance.below(patients.count)]
        let isEquipped = chance.below(6) == 0
        var json = JSONWriter()
        json.object { json in
            json.member("id", id)
            json.member("visitType", isEquipped ? CrashClinic.equipped : CrashClinic.plain)
            json.member("practitioner", CrashClinic.practitioner(1 + chance.below(CrashClinic.practitioners)))
            json.member("start", start(firstDay))
            json.member("patients", [patient.id])
            if isHold { json.member("hold", true) }
        }
        tokens[id] = patient.token
        return deed(isHold ? .hold : .book, id, "/v1/appointments", json.bytes)
    }

    private func change(_ verb: Deed.Verb, _ appointment: Acknowledged, _ path: String) -> Deed {
        deed(verb, appointment.appointment, "/v1/appointments/\(appointment.appointment)/\(path)", [])
    }

    private func move(_ appointment: Acknowledged, _ firstDay: Instant) -> Deed {
        var json = JSONWriter()
        json.object { $0.member("start", start(firstDay)) }
        return deed(.reschedule, appointment.appointment, "/v1/appointments/\(appointment.appointment)/rescheduling", json.bytes)
    }

    private func deed(_ verb: Deed.Verb, _ id: ID<Appointment>, _ path: String, _ body: [UInt8]) -> Deed {
        made += 1
        return Deed(
            number: made * 100 + number, verb: verb, appointment: id, key: "\(verb.rawValue)-\(made)-\(number)-\(id)",
            token: tokens[id]!, path: path, body: body, isDouble: chance.below(5) == 0)
    }

    private func start(_ firstDay: Instant) -> Instant {
        firstDay + .days(chance.below(2)) + .minutes(8 * 60 + chance.below(32) * 15)
    }

    // MARK: Doing it

    /// Asks until there is an answer; nil when the server is gone first.
    private func perform(_ deed: Deed, at base: String, hasAnother: Bool) async -> Loopback.Reply? {
        ledger.opened(deed)
        history.invoke(deed, by: number)
        while true {
            let replies = deed.isDouble ? await twice(deed, base) : [await send(deed, base)]
            let known = replies.compactMap { $0 }.filter(\.isFinal)
            if let first = known.first {
                compare(known, deed)
                history.settle(deed, status: first.status, document: first.body, replayed: first.isReplay)
                return first
            }
            guard replies.contains(where: { $0 != nil }) else {
                history.unknown(deed)
                ledger.stayedUnknown()
                return nil
            }
            if bearsOutages, let away = replies.compactMap({ $0 }).first(where: { $0.status == 503 }) {
                if away.text.contains("outcome-unknown") { ledger.saidToBeUnknown() }
                // The client's own patience: it asks again under the same key.
                try? await Task.sleep(for: .milliseconds(30 + chance.below(40)))
                if Task.isCancelled || hasAnother {
                    history.unknown(deed)
                    ledger.stayedUnknown()
                    return nil
                }
                continue
            }
            if let fault = replies.compactMap({ $0 }).first(where: { $0.status >= 500 }) {
                ledger.violation("deed \(deed.number) was answered with \(fault.status): \(fault.text)")
                return nil
            }
            await Task.yield()
        }
    }

    private func send(_ deed: Deed, _ base: String) async -> Loopback.Reply? {
        try? await http.send("POST", base + deed.path, token: deed.token, key: deed.key, body: deed.body)
    }

    private func twice(_ deed: Deed, _ base: String) async -> [Loopback.Reply?] {
        async let one = send(deed, base)
        async let other = send(deed, base)
        return await [one, other]
    }

    /// Two answers under one key are one answer, and only one of them may be the first.
    private func compare(_ replies: [Loopback.Reply], _ deed: Deed) {
        guard let first = replies.first else { return }
        for other in replies.dropFirst() where other.body != first.body || other.status != first.status {
            ledger.violation("deed \(deed.number) had two answers under one key: \(first.text) and \(other.text)")
        }
        if replies.filter({ !$0.isReplay }).count > 1 { ledger.violation("deed \(deed.number) took effect twice under one key") }
    }

    private func settle(_ deed: Deed, _ reply: Loopback.Reply) {
        ledger.closed(deed, reply)
        guard reply.isSuccess, let acknowledged = reply.acknowledged else {
            if deed.makesAppointment { tokens[deed.appointment] = nil }
            return
        }
        mine.removeAll { $0.appointment == deed.appointment }
        if acknowledged.state != "cancelled" { mine.append(acknowledged) }
        if mine.count > 50 { mine.removeFirst() }
    }

    /// Reads one of its own appointments: it must be what the last answer said, byte for byte. False when the server is gone.
    private func look(at base: String) async -> Bool {
        guard let known = chance.pick(mine) else { return true }
        let path = "\(base)/v1/appointments/\(known.appointment)"
        guard let reply = try? await http.send("GET", path, token: tokens[known.appointment]!) else { return false }
        if bearsOutages && reply.status == 503 { return true }
        if reply.body != known.document {
            ledger.violation(
                "\(known.appointment) was read as \(reply.text), acknowledged as \(String(decoding: known.document, as: UTF8.self))"
            )
        }
        return true
    }
}

extension Chance {
    mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }
    mutating func pick<Element>(_ list: [Element]) -> Element? { list.isEmpty ? nil : list[below(list.count)] }
}
