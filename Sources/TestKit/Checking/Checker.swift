import Notation
import People
import Scheduling

/// Looks a whole database over, and holds it against what callers were told. It knows the promises, the tables and
/// nothing of the code that writes them.
///
/// The principles are those of a black-box checker (reliability.md §6.2): no overlap (C1), what was acknowledged is there
/// (C2), no ghosts (C3), one effect and one answer for each key (C4), every effect told and followed once (C7, C9).
struct Checker {
    let snapshot: Snapshot
    let tries: [Try]
    let plan: ClinicPlan
    let now: Instant
    /// Nothing is on its way any more: what was due is done.
    let isQuiet: Bool
    /// By how much clocks were set back. Only then may something seem to have happened before its cause.
    let clockSlack: Span

    let chains: [ID<Appointment>: Chain]
    let bookings: [ID<Appointment>: Snapshot.Booking]
    /// What each request did, by its identifier.
    let effects: [String: [Snapshot.Audit]]
    private(set) var found: [Violation] = []

    static func violations(
        in snapshot: Snapshot, _ tries: [Try], _ plan: ClinicPlan, now: Instant, isQuiet: Bool, clockSlack: Span = .zero
    ) -> [Violation] {
        var checker = Checker(snapshot, tries, plan, now: now, isQuiet: isQuiet, clockSlack: clockSlack)
        checker.checkPlaces()
        checker.checkClaims()
        checker.checkChains()
        checker.checkAudit()
        checker.checkAnswers()
        checker.checkKeys()
        checker.checkOrigins()
        checker.checkFollowUps()
        checker.checkNotices()
        checker.checkReminders()
        checker.checkHolds()
        checker.checkOffers()
        return checker.found
    }

    private init(_ snapshot: Snapshot, _ tries: [Try], _ plan: ClinicPlan, now: Instant, isQuiet: Bool, clockSlack: Span) {
        self.snapshot = snapshot
        self.tries = tries
        self.plan = plan
        self.now = now
        self.isQuiet = isQuiet
        self.clockSlack = clockSlack
        bookings = Dictionary(snapshot.bookings.map { ($0.id, $0) }) { first, _ in first }
        effects = Dictionary(grouping: snapshot.audits, by: \.request)
        var chains: [ID<Appointment>: Chain] = [:]
        for event in snapshot.events {
            do { try chains[event.appointment, default: Chain()].add(event) } catch {
                found.append(Violation(promise: .everyChangeIsTold, detail: "\(event.appointment) has an event nobody can read"))
            }
        }
        for id in chains.keys { chains[id]?.close() }
        self.chains = chains
    }

    mutating func report(_ promise: Violation.Promise, _ detail: String) {
        found.append(Violation(promise: promise, detail: detail))
    }

    /// Reports what two lists of the same kind disagree about, each entry as often as it is missing or too many.
    mutating func compare(_ promise: Violation.Promise, wanted: [String], found: [String], _ what: String) {
        var balance: [String: Int] = [:]
        for entry in wanted { balance[entry, default: 0] -= 1 }
        for entry in found { balance[entry, default: 0] += 1 }
        for (entry, count) in balance.sorted(by: { $0.key < $1.key }) where count != 0 {
            report(promise, "\(what): \(entry) is there \(abs(count)) times too \(count < 0 ? "few" : "many")")
        }
    }
}
