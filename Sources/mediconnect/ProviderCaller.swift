import Connectors
import Logging
import Notation
import Outbound
import Resilience
import SingleSignOn
import Synchronization

/// Reaches an identity provider through the one way out: vetted, within ten seconds, for a quarter of a megabyte at most, and where the
/// address leads, never where an answer would send it.
struct ProviderCaller: ProviderLine {
    private let caller: OutboundCaller

    init(_ provider: Provider, clock: any WallClock) throws {
        var settings = OutboundSettings()
        settings.wholeSeconds = 10
        settings.answerMaximum = 256 * 1024
        caller = try OutboundCaller(
            policy: OutboundPolicy(exceptions: Self.exceptions(for: provider)), clock: clock, settings: settings)
    }

    /// A provider on this machine or in the clinic's own network is there because the operator has written so, and is looked for nowhere else.
    static func exceptions(for provider: Provider) -> [OutboundException] {
        let blocks = provider.network + (provider.issuer.hasPrefix("http://127.0.0.1") ? ["127.0.0.0/8"] : [])
        guard !blocks.isEmpty, let origin = provider.origin else { return [] }
        return OutboundException("\(origin)=\(blocks.joined(separator: "+"))").map { [$0] } ?? []
    }

    func ask(_ question: ProviderQuestion) async throws -> ProviderAnswer {
        let connection = Connection()
        do {
            let answer = try await caller.call(
                OutboundCall(
                    question.form == nil ? .get : .post, question.address, headers: question.headers, body: question.form ?? [])
            ) { connection.stands() }
            return ProviderAnswer(status: answer.status, body: answer.body)
        } catch  where !(error is CancellationError) && !connection.hasStood {
            throw ProviderNotReached()
        }
    }

    private final class Connection: Sendable {
        private let state = Mutex(false)
        var hasStood: Bool { state.withLock { $0 } }
        func stands() { state.withLock { $0 = true } }
    }
}

/// The way to one identity provider: left alone while it fails, asked again within a budget of repeats, each call counted (MC-2).
struct SignOnWay: Sendable {
    /// What all of them are called where destinations have names.
    static let destination = "oidc"

    let provider: Provider
    let line: any ProviderLine
    private let breaker: SharedBreaker
    private let repeating: RepeatingLine

    init(_ provider: Provider, surroundings: Surroundings, logger: Logger) throws {
        let (clock, random, meters) = (surroundings.clock, surroundings.random, WayMeters(logger: logger))
        let destination = Self.destination
        let counted = CountedLine(try ProviderCaller(provider, clock: clock), clock: clock) { end, took, reason in
            meters.note(.ended(destination: destination, WayOutEvent.Outcome(end), took: took, reason: reason))
        }
        repeating = RepeatingLine(counted, clock: clock, random: random)
        breaker = SharedBreaker(GuardedLine.patience, clock: clock, random: random) {
            meters.note(.breaker(destination: destination, $0))
        }
        line = GuardedLine(repeating, breaker: breaker) {
            meters.note(.ended(destination: destination, .resting, took: nil, reason: "it is left alone for a while"))
        }
        self.provider = provider
    }

    var state: CircuitBreaker.State { breaker.state }
    var repeatsLeft: Double { repeating.repeatsLeft }
}

extension WayOutEvent.Outcome {
    fileprivate init(_ end: CountedLine.End) {
        switch end {
        case .done: self = .done
        case .later: self = .later
        case .never: self = .never
        case .unknown: self = .unknown
        }
    }
}
