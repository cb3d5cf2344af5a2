import Notation
import Partners
import Synchronization

/// Who takes notices to devices, and the devices behind it: two notices under one tag are one on the screen. It knows no repeats.
final class Handsets: PushCarrier {
    /// What comes of the next notice to a device, or, when there is only one left, of all that follow.
    enum Manner: Sendable {
        case takes
        /// It has the notice, and its answer is lost.
        case takesAndIsSilent
        case isAway
        case refuses
        /// 404, UNREGISTERED.
        case isGone
    }

    struct Shown: Sendable, Equatable {
        let device: String
        let tag: String
        let words: String
        let link: String?
        let expires: Instant?
    }

    private struct State {
        var shown: [Shown] = []
        var asked: [String: Int] = [:]
        var manners: [String: [Manner]] = [:]
    }

    private let state = Mutex(State())

    func behave(_ device: String, _ manners: Manner...) { state.withLock { $0.manners[device] = manners } }
    /// What stands on the screens.
    var shown: [Shown] { state.withLock { $0.shown } }
    /// How often the provider was asked to tell a device anything.
    func asked(_ device: String) -> Int { state.withLock { $0.asked[device] ?? 0 } }

    func reminders(on device: String? = nil) -> [Shown] {
        shown.filter { $0.words.contains("remind") && (device == nil || $0.device == device) }
    }

    func send(_ notice: PushNotice, key: EffectKey) async -> Ending<PushAnswer> {
        state.withLock { state in
            let device = notice.device.revealed
            state.asked[device, default: 0] += 1
            let manners = state.manners[device] ?? [.takes]
            if manners.count > 1 { state.manners[device] = Array(manners.dropFirst()) }
            switch manners[0] {
            case .isAway: return .later(after: nil, reason: "away")
            case .refuses: return .never(reason: "no")
            case .isGone: return .done(.gone)
            case .takes, .takesAndIsSilent:
                state.shown.removeAll { $0.device == device && $0.tag == key.text }
                state.shown.append(
                    Shown(
                        device: device, tag: key.text, words: notice.words, link: notice.link, expires: notice.expires))
                if case .takesAndIsSilent = manners[0] { return .later(after: nil, reason: "silent") }
                return .done(.taken)
            }
        }
    }
}
