import Notation

// Letters to accounts, and text messages of which it was only heard afterwards that they did not arrive.
extension ChaosReckoning {
    /// Whoever was asked in has one letter, and nobody else has any. Who carries it knows no repeats, and is asked before it is sent again.
    func everybodyInvitedIsWrittenTo(_ outside: OutsideDeeds) -> [String] {
        let letters = Dictionary(grouping: outside.mails.filter { $0.hasPrefix("invited-") }, by: { $0 })
        let invited = told.invited
        var found = invited.filter { letters[$0] == nil }.map { "lost: \($0) was invited and has no letter" }
        for (address, all) in letters {
            if all.count > 1 { found.append("twice: \(address) has \(all.count) letters") }
            if !invited.contains(address) { found.append("\(address) has a letter, and nobody was told that it was asked in") }
        }
        return found
    }

    /// What the carrier of text messages says did not arrive counts as failed here, and went by mail where its reader has one: once. What went by
    /// another channel was to.
    func whatDidNotArriveFollows(_ outside: OutsideDeeds, _ kept: [String: Kept]) async throws -> [String] {
        var found: [String] = []
        let time = clinic.cluster == nil ? "start_at" : "(extract(epoch FROM start_at) * 1000000)::bigint"
        let rows = try await clinic.rows(
            """
            SELECT id, notice_id, place, state, coalesce(reason, ''), appointment_id, \(time), patient_id, kind FROM message
                WHERE notice_id IN (SELECT notice_id FROM message WHERE channel = 'sms')
            """)
        let followers = Dictionary(grouping: rows.filter { $0[2] == "2" }, by: { $0[1] })
        for row in rows where row[2] == "1" {
            let after = followers[row[1]] ?? []
            if after.count > 1 { found.append("twice: message \(row[0]) is followed by \(after.count) others") }
            guard outside.unarrived.contains(row[0]) else { continue }
            if row[3] != "failed" {
                found.append("lost: message \(row[0]) did not arrive, and here it is \(row[3])")
                continue
            }
            let visit = kept[row[5]]
            let isOvertaken = visit?.state != "booked" || visit?.start.map { "\($0.microseconds)" } != row[6]
            let mayRead = (0..<ChaosClinic.lanes).contains { PartneredClinic.patient(ChaosClinic.watched($0)) == row[7] }
            if mayRead, !isOvertaken, after.isEmpty {
                found.append("lost: message \(row[0]) did not arrive, and nothing followed by another channel")
            }
        }
        return found
    }
}
