public import Notation

/// The way to a provider, with each call that is made told to whoever counts (MC-2). It stands innermost: what is asked again counts again, and what
/// nobody asked, because the provider is left alone, not at all.
public struct CountedLine: ProviderLine {
    /// How a call ended, in the words of every way out.
    public enum End: String, Sendable, CaseIterable {
        case done
        /// It failed, and may go well the next time.
        case later
        /// Refused: the next time would say the same.
        case never
        /// A code may have been redeemed, and nobody heard.
        case unknown
    }

    private let inner: any ProviderLine
    private let clock: any WallClock
    private let report: @Sendable (_ end: End, _ took: Span, _ reason: String?) -> Void

    /// - Parameter report: `reason` is nil when it was done. It says nothing about a person.
    public init(
        _ inner: any ProviderLine, clock: any WallClock,
        report: @escaping @Sendable (_ end: End, _ took: Span, _ reason: String?) -> Void
    ) {
        self.inner = inner
        self.clock = clock
        self.report = report
    }

    public func ask(_ question: ProviderQuestion) async throws -> ProviderAnswer {
        let start = clock.now
        do {
            let answer = try await inner.ask(question)
            let end = Self.end(of: answer.status)
            report(end, clock.now - start, end == .done ? nil : "it answered \(answer.status)")
            return answer
        } catch {
            let wasAsked = !(error is ProviderNotReached)
            let reason =
                error is CancellationError ? "we were interrupted" : wasAsked ? "no whole answer came" : "there was no connection"
            report(question.form == nil || !wasAsked ? .later : .unknown, clock.now - start, reason)
            throw error
        }
    }

    private static func end(of status: Int) -> End {
        switch status {
        case 200..<300: .done
        case 408, 429, 500...: .later
        default: .never
        }
    }
}

/// There was no connection, so a provider was asked nothing: a code that was to be redeemed is as good as before.
public struct ProviderNotReached: Error { public init() {} }
