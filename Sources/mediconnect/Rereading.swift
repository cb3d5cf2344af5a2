import API
import Admission
import Logging
import Notation
import ServiceLifecycle
import Telemetry
import UnixSignals

/// Reads the settings again on SIGHUP and takes from them what may change while the server runs. What is wrong with them is said,
/// and everything stays as it is.
struct Rereading: Service {
    let read: @Sendable () async throws -> Settings
    let door: Doorkeeper
    let ways: Ways
    let logger: Logger

    func run() async throws {
        for await _ in await UnixSignalsSequence(trapping: .sighup).cancelOnGracefulShutdown() {
            do {
                let settings = try await read()
                take(settings.limits)
                ways.follow(settings.partners.orders)
            } catch {
                let reason = (error as? SettingsProblems)?.description ?? "the settings cannot be read"
                logger.error("the settings stay as they are", metadata: ["evt": "settings.refused", "reason": "\(reason)"])
            }
        }
    }

    private func take(_ new: LimitSettings) {
        let old = door.limits
        door.set(new.rates)
        let changes = RatePolicy.allCases.filter { old[$0] != new.rates[$0] }.map { policy in
            "\(policy.rawValue): \(text(old[policy])), now \(text(new.rates[policy]))"
        }
        logger.notice(
            "the settings were read again",
            metadata: [
                "evt": "settings.read", "reason": "\(changes.isEmpty ? "no limit changed" : changes.joined(separator: "; "))",
            ])
    }

    private func text(_ allowance: Allowance?) -> String { allowance.map { "\($0)" } ?? "none" }
}

/// Tells the door what time it is, and once a second among how many nodes it divides what is for all of them; tells the log once a second
/// how many were turned away.
struct Doorbell: Service {
    let clinics: any Clinics
    let door: Doorkeeper
    let connections: Connections
    let clock: any WallClock
    let logger: Logger

    func run() async throws {
        try await cancelWhenGracefulShutdown {
            var countedAt: Instant?
            var due = clock.now
            while !Task.isCancelled {
                let now = clock.now
                door.tick(at: now, late: now - due)
                door.set(isCrammed: connections.isCrammed)
                if countedAt.map({ now - $0 >= .seconds(1) }) ?? true {
                    // Of several clinics each may be served by other nodes: the one with most of them is the nearest to the truth.
                    door.set(nodes: clinics.open.map(\.nodes).max() ?? 1)
                    countedAt = now
                    let shed = door.takeShed()
                    if shed > 0 {
                        logger.warning(
                            "requests were turned away: there is more to do than can be done",
                            metadata: ["evt": "door.shed", "count": "\(shed)"])
                    }
                }
                due = now + .milliseconds(25)
                try? await clock.sleep(until: due)
            }
        }
    }
}
