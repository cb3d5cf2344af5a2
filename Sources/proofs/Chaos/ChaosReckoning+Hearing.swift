import Notation
import PrivateBroker
import Synchronization

// Whoever hears of changes without having asked for one.
extension ChaosReckoning {
    /// The feed has each event once, and the subscriber and the bus have heard of each, under the same name; of one appointment the bus has
    /// heard in the order of its versions. What was repeated under its name is no second event.
    func everybodyHears(_ outside: OutsideDeeds) async throws -> [String] {
        var found: [String] = []
        let events = Set(try await clinic.rows("SELECT id FROM event").compactMap(\.first))
        var feed = try await clinic.feed()
        // What a transaction that has not ended may still come before is not shown yet.
        let limit = ContinuousClock.now + .seconds(30)
        while feed.count < events.count, ContinuousClock.now < limit {
            try await Task.sleep(for: .milliseconds(100))
            feed = try await clinic.feed()
        }
        let known = Set(feed.map(\.id))
        if feed.count != known.count { found.append("twice: the feed has \(feed.count - known.count) changes more than once") }
        found += events.subtracting(known).map { "lost: the feed does not have \($0)" }
        found += known.subtracting(events).map { "the feed has \($0), which never was" }
        let told = Set(outside.all("message").compactMap { $0.key.split(separator: " ").last.map(String.init) })
        found += known.subtracting(told).map { "lost: the subscriber was not told of \($0)" }
        found += told.subtracting(known).map { "the subscriber was told of \($0), which never was" }
        let heard = try clinic.heardOnTheBus()
        let onBus = Set(heard.map(\.id))
        found += known.subtracting(onBus).map { "lost: the bus has not heard of \($0)" }
        found += onBus.subtracting(known).map { "the bus has heard of \($0), which never was" }
        return found + outOfOrder(heard, feed)
    }

    /// A repeat may come late; what is new comes in order.
    private func outOfOrder(_ heard: [BusListener.Heard], _ feed: [ChaosClinic.Change]) -> [String] {
        let changes = Dictionary(feed.map { ($0.id, $0) }) { first, _ in first }
        var (seen, latest): (Set<String>, [String: Int]) = ([], [:])
        var found: [String] = []
        for one in heard where seen.insert(one.id).inserted {
            guard let change = changes[one.id] else { continue }
            if change.version < latest[change.appointment, default: 0] {
                found.append("the bus has heard of \(change.appointment) \(change.version) after a later version")
            }
            latest[change.appointment] = max(change.version, latest[change.appointment, default: 0])
        }
        return found
    }

    /// What a message says has become of it on each device is what those who carry notices have written down: shown once where it was taken, and
    /// left out only where the visit is no longer as it says, where they refused it, and where the registration is gone.
    func devicesAgree(_ outside: OutsideDeeds, _ kept: [String: Kept]) async throws -> [String] {
        let devices = clinic.devices.withLock { $0 }
        var found: [String] = []
        let notices = outside.all("notice")
        for (shown, keys) in Dictionary(grouping: notices, by: \.shown) where keys.count > 1 {
            found.append("twice: push has shown message \(shown.message) on \(shown.token) under \(keys.count) keys")
        }
        var rest = Set(notices.map(\.shown))
        var refused = 0
        let time = clinic.cluster == nil ? "start_at" : "(extract(epoch FROM start_at) * 1000000)::bigint"
        let rows = try await clinic.rows(
            """
            SELECT id, patient_id, appointment_id, kind, state, coalesce(reason, ''), \(time), coalesce(CAST(devices AS text), '{}'),
                notice_id FROM message WHERE channel = 'push'
            """)
        let followed = Set(try await clinic.rows("SELECT notice_id FROM message WHERE place = 2").compactMap(\.first))
        for row in rows {
            let appointment = kept[row[2]]
            let isOvertaken =
                row[3] != "cancellation"
                && (appointment?.state != "booked" || appointment?.start.map { "\($0.microseconds)" } != row[6])
            let marks = try JSON(parsing: row[7]).members ?? []
            for mark in marks {
                guard let device = devices[mark.name] else {
                    found.append("message \(row[0]) is for \(mark.name), which is nobody's device")
                    continue
                }
                let isShown = rest.remove(Shown(token: device.token, message: row[0])) != nil
                let state = mark.value.string ?? ""
                if state == "refused" { refused += 1 }
                let isRight =
                    switch state {
                    case "taken": isShown && !device.isGone
                    case "asked": isOvertaken
                    case "gone": device.isGone && !isShown
                    case "refused": true
                    default: false
                    }
                if !isRight {
                    found.append(
                        "lost: \(device.token) was \(isShown ? "" : "not ")told of message \(row[0]), where it counts as \(state)"
                    )
                }
            }
            let own = devices.filter { $0.value.patient == row[1] && !$0.value.isGone }
            let named = Set(marks.map(\.name))
            if row[4] != "suppressed", !own.keys.allSatisfy(named.contains) {
                found.append("lost: message \(row[0]) is not for all of the patient's devices")
            }
            if row[4] == "failed", !isOvertaken, !followed.contains(row[8]) {
                found.append("lost: message \(row[0]) was refused, and nothing followed by another channel")
            }
        }
        found += rest.map { "\($0.token) was told of message \($0.message), which does not say so" }
        let answers = try await clinic.tally(.push).refused
        if refused > answers { found.append("\(refused) notices count as refused, and \(answers) were") }
        return found + (try await goneDevicesAreForgotten(devices, rows))
    }

    private func goneDevicesAreForgotten(_ devices: [String: Device], _ rows: [[String]]) async throws -> [String] {
        let registered = Set(try await clinic.rows("SELECT id FROM patient_device").compactMap(\.first))
        var found: [String] = []
        for (id, device) in devices {
            let isMarked = rows.contains { $0[7].contains(id) && $0[7].contains("gone") }
            if registered.contains(id) == (device.isGone && isMarked) {
                found.append("\(device.token) is \(registered.contains(id) ? "still" : "no longer") registered")
            }
        }
        return found
    }
}

/// A message on a device.
struct Shown: Hashable {
    let token, message: String
}

extension OutsideDeeds.Effect {
    /// Of a notice: its key is the device and the message's name with the device's.
    var shown: Shown {
        let parts = key.split(separator: " ")
        return Shown(token: parts.first.map(String.init) ?? "", message: parts.last.map { String($0.prefix(36)) } ?? "")
    }
}
