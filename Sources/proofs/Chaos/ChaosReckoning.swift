import Foundation
import LoopbackClient
import Notation
import Processes

/// Holds what clients were told, what the database says, and what those outside wrote down against each other.
struct ChaosReckoning {
    let clinic: ChaosClinic
    let told: ToldEverybody

    init(_ clinic: ChaosClinic, _ told: ToldEverybody) {
        self.clinic = clinic
        self.told = told
    }

    /// An appointment as the database has it.
    struct Kept {
        let id, state: String
        let version: Int
        let start: Instant?
    }

    func violations() async throws -> [String] {
        let outside = try clinic.deedsOutside()
        let kept = try await appointments()
        var found = nothingIsLost(kept)
        found += effectsAreThereOnce(outside)
        found += try await calendarsAgree(outside, kept)
        found += try await paymentsAgree(outside, kept)
        found += recordsAgree(outside, kept)
        found += theOtherSystemAgrees(outside, kept)
        found += try await messagesWentOut(outside)
        found += try await whatDidNotArriveFollows(outside, kept)
        found += everybodyInvitedIsWrittenTo(outside)
        found += try await everybodyHears(outside)
        found += try await devicesAgree(outside, kept)
        found += try await nothingIsLeftForAnybody()
        return found
    }

    private func appointments() async throws -> [String: Kept] {
        let time = clinic.cluster == nil ? "start_at" : "(extract(epoch FROM start_at) * 1000000)::bigint"
        var kept: [String: Kept] = [:]
        for row in try await clinic.rows("SELECT id, state, version, \(time) FROM appointment") {
            kept[row[0]] = Kept(
                id: row[0], state: row[1], version: Int(row[2]) ?? -1, start: Int64(row[3]).map { Instant(microseconds: $0) })
        }
        return kept
    }

    /// Every acknowledged appointment is as its client was told, or as somebody outside has decided since; and there is none nobody asked for.
    private func nothingIsLost(_ kept: [String: Kept]) -> [String] {
        var found: [String] = []
        var rest = kept
        for one in told.all {
            let row = rest.removeValue(forKey: one.id)
            guard let state = one.state else {
                if row != nil { found.append("\(one.id) is there although its booking was refused") }
                continue
            }
            guard let row else {
                found.append("lost: \(one.id) was acknowledged as \(state) and is not there")
                continue
            }
            let isAsTold = row.state == state && row.version == one.version && row.start == one.start
            // Somebody outside has the last word over what waits for them.
            let isDecided = state == "pending" && row.version > one.version && ["booked", "cancelled"].contains(row.state)
            // A hold nobody has paid waits on.
            let maySoBe = isAsTold && (state != "pending" || one.kind == .paid)
            if !maySoBe && !isDecided {
                found.append(
                    "lost: \(one.id) (\(one.kind)) was acknowledged as \(state) \(one.version) and is \(row.state) \(row.version)"
                )
            }
        }
        for id in rest.keys { found.append("\(id) is there and nobody asked for it") }
        return found
    }

    /// A key, an effect: whoever knows repeats has done it once, and carriers of text messages and letters, who know none, were asked once.
    private func effectsAreThereOnce(_ outside: OutsideDeeds) -> [String] {
        outside.effects.filter { $0.count > 1 }.map {
            "twice: \($0.part) has done \($0.what) \($0.key) \($0.count) times"
        }
    }

    /// What is booked stands in the other calendar once, and nothing else does.
    private func calendarsAgree(_ outside: OutsideDeeds, _ kept: [String: Kept]) async throws -> [String] {
        var found: [String] = []
        var standing = Set(outside.entries.filter { $0.state == "confirmed" || $0.state == "pending" }.map(\.id))
        let rows = try await clinic.rows("SELECT id, appointment_id, state FROM external_entry")
        for (appointment, entries) in Dictionary(grouping: rows, by: { $0[1] }) {
            let there = entries.filter { standing.remove($0[0]) != nil }
            let isBooked = kept[appointment]?.state == "booked"
            if there.count != (isBooked ? 1 : 0) || there.contains(where: { $0[2] != "confirmed" }) {
                found.append(
                    "the other calendar has \(appointment) \(there.count) times, and here it is \(kept[appointment]?.state ?? "gone")"
                )
            }
        }
        found += standing.map { "the other calendar has \($0), which nobody here knows" }
        return found
    }

    /// Each payment was asked for once, is paid here when it is there, and came back once where it was to.
    private func paymentsAgree(_ outside: OutsideDeeds, _ kept: [String: Kept]) async throws -> [String] {
        var found: [String] = []
        let intents = Dictionary(grouping: outside.intents, by: { $0.reference ?? "" })
        let refunds = Dictionary(grouping: outside.refunds, by: { $0.reference ?? "" })
        let given = try await clinic.rows("SELECT id, payment_id, amount, state FROM refund")
        for row in try await clinic.rows("SELECT id, appointment_id, state FROM payment") {
            let there = intents[row[0]] ?? []
            // Who gives up before the provider was asked has none there.
            if there.count != 1, !(there.isEmpty && row[2] == "cancelled") {
                found.append("payment \(row[0]), \(row[2]) here, was opened \(there.count) times")
            }
            let status = ["paid": "succeeded", "open": "requires_payment_method", "cancelled": "canceled"][row[2]]
            if status == nil || there.contains(where: { $0.status != status }) {
                found.append("payment \(row[0]) is \(row[2]) here and \(there.map(\.status)) there")
            }
            let state = kept[row[1]]?.state
            let back = given.filter { $0[1] == row[0] }
            let isOver = state == "cancelled" && row[2] == "paid"
            if back.count != (isOver ? 1 : 0) {
                found.append("payment \(row[0]) of an appointment that is \(state ?? "gone") has \(back.count) refunds")
            }
            if row[2] == "paid", state != "booked", state != "cancelled" {
                found.append("payment \(row[0]) is paid, and its appointment is \(state ?? "gone")")
            }
        }
        for row in given where row[3] != "done" || (refunds[row[0]] ?? []).map({ "\($0.amount)" }) != [row[2]] {
            found.append("refund \(row[0]), \(row[3]) here, was made \((refunds[row[0]] ?? []).count) times")
        }
        let asked = Dictionary(grouping: try await clinic.rows("SELECT asked_for FROM payment"), by: { $0[0] })
        for one in told.all where one.isPaymentAsked && asked[one.id]?.count != 1 {
            found.append("lost: the payment of \(one.id) was acknowledged and is not there")
        }
        return found
    }

    /// A hospital has each booking once, as it is here, and what is over as over.
    private func recordsAgree(_ outside: OutsideDeeds, _ kept: [String: Kept]) -> [String] {
        var found: [String] = []
        let records = Dictionary(grouping: outside.records, by: \.appointment)
        for one in kept.values {
            let there = records[one.id] ?? []
            let isRight =
                switch one.state {
                case "booked": there.count == 1 && there[0].status == "booked" && there[0].start == one.start
                case "cancelled": there.isEmpty || (there.count == 1 && there[0].status == "cancelled")
                default: there.isEmpty
                }
            if !isRight {
                found.append("the records have \(one.id) as \(there.map(\.status)), and here it is \(one.state)")
            }
        }
        return found
    }

    /// Each event is told once, so is what becomes of money, and what counts as sent was sent once.
    private func messagesWentOut(_ outside: OutsideDeeds) async throws -> [String] {
        var found: [String] = []
        let kinds = [
            "appointment.booked": "confirmation", "appointment.confirmed": "confirmation",
            "appointment.cancelled": "cancellation",
            "appointment.rescheduled": "move",
        ]
        var due: [String: Int] = [:]
        for row in try await clinic.rows("SELECT appointment_id, kind FROM event") {
            if let kind = kinds[row[1]] { due["\(kind) of \(row[0])", default: 0] += 1 }
        }
        // Who gets money back is told, and whose late payment was honoured by another visit.
        for row in try await clinic.rows("SELECT appointment_id FROM refund JOIN payment ON payment.id = payment_id") {
            due["refund of \(row[0])", default: 0] += 1
        }
        for row in try await clinic.rows("SELECT appointment_id FROM payment WHERE asked_for <> appointment_id") {
            due["payment-honoured of \(row[0])", default: 0] += 1
        }
        let sent = (outside.all("text") + outside.all("mail")).map { ($0.key, $0.count) }
        let effects = Dictionary(sent + outside.all("notice").map { ($0.shown.message, $0.count) }, uniquingKeysWith: +)
        var written: [String: Int] = [:]
        for row in try await clinic.rows(
            "SELECT id, appointment_id, kind, place, state, coalesce(channel, ''), coalesce(reason, '') FROM message")
        {
            if row[3] == "1" { written["\(row[2]) of \(row[1])", default: 0] += 1 }
            let sent = effects[row[0]] ?? 0
            switch row[4] {
            case "delivered", "handed-over":
                if sent == 0 { found.append("message \(row[0]) by \(row[5]) counts as \(row[4]) and was never sent") }
            case "suppressed" where row[6] == "overtaken", "failed" where row[6] == "refused" && row[5] != "email": break
            case "failed" where row[6] == "not-delivered" && outside.unarrived.contains(row[0]): break
            default: found.append("message \(row[0]) by \(row[5]) is \(row[4]) \(row[6])")
            }
        }
        for name in Set(due.keys).union(written.keys) where due[name] != written[name] {
            found.append("the \(name) was due \(due[name] ?? 0) times and written \(written[name] ?? 0) times")
        }
        return found
    }

    /// No task for a human, no overlap, no hold past its time; and sweeps that begin anew find nothing.
    private func nothingIsLeftForAnybody() async throws -> [String] {
        var found: [String] = []
        for row in try await clinic.rows("SELECT kind, details FROM task WHERE state = 'open'") {
            found.append("somebody has to see to \(row[0]): \(row[1])")
        }
        let (status, said) = try await clinic.command(["check"])
        if status != 0 { found.append("check ended with \(status): \(said.suffix(5).joined(separator: "; "))") }
        let sweeps = ["holds", "outbox", "claims", "scheduling", "records", "legacy"]
        // Less than from one round to the next: whoever begins to lead begins to sweep.
        let limit = ContinuousClock.now + .seconds(45)
        var missing = Set(sweeps)
        try await clinic.time.on("waiting for sweeps") {
            while !missing.isEmpty, ContinuousClock.now < limit {
                try await Task.sleep(for: .milliseconds(100))
                missing = try await withoutRound(of: sweeps)
            }
        }
        if !missing.isEmpty {
            found.append("nobody has swept \(missing.sorted().joined(separator: ", ")) since the servers were started")
        }
        for base in clinic.bases {
            let metrics = try await clinic.http.send("GET", "\(base)/metrics").text
            for line in metrics.split(separator: "\n")
            where line.hasPrefix("mediconnect_sweep_repaired_total{") || line.hasPrefix("mediconnect_sweep_raised_total{") {
                if !line.hasSuffix(" 0") { found.append("a sweep found something: \(line)") }
            }
        }
        return found
    }

    /// Which of these have had no round since the servers were started.
    private func withoutRound(of sweeps: [String]) async throws -> Set<String> {
        var missing = Set(sweeps)
        for base in clinic.bases {
            let metrics = try await clinic.http.send("GET", "\(base)/metrics").text
            for line in metrics.split(separator: "\n")
            where line.hasPrefix("mediconnect_sweep_rounds_total{") && !line.hasSuffix(" 0") {
                missing.remove(line.split(separator: "\"").dropFirst().first.map(String.init) ?? "")
            }
        }
        return missing
    }
}
