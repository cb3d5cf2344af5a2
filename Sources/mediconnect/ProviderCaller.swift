import Connectors
import Notation
import Outbound
import SingleSignOn

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
        let answer = try await caller.call(
            OutboundCall(
                question.form == nil ? .get : .post, question.address, headers: question.headers, body: question.form ?? []))
        return ProviderAnswer(status: answer.status, body: answer.body)
    }
}
