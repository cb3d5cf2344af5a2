import Notation
public import Resilience

/// The way to a provider, past a circuit breaker (MC-2): one that fails or drags is left alone for a while, and whoever wants to sign in with it
/// hears so at once instead of after ten seconds.
public struct GuardedLine: ProviderLine {
    private let inner: any ProviderLine
    private let breaker: SharedBreaker
    private let onLeftAlone: @Sendable () -> Void

    /// Opens when of five calls and more within half a minute half came to nothing: a sign-in makes one or two.
    public static let patience: CircuitBreaker.Settings = {
        var settings = CircuitBreaker.Settings()
        (settings.window, settings.minimumCalls) = (.seconds(30), 5)
        (settings.permits, settings.halfOpenAtMost) = (2, .seconds(15))
        return settings
    }()

    /// - Parameter onLeftAlone: told of each question that nobody was asked.
    public init(
        _ inner: any ProviderLine, breaker: SharedBreaker, onLeftAlone: @escaping @Sendable () -> Void = {}
    ) {
        self.inner = inner
        self.breaker = breaker
        self.onLeftAlone = onLeftAlone
    }

    /// Nobody asked the provider.
    public struct LeftAlone: Error { public init() {} }

    public func ask(_ question: ProviderQuestion) async throws -> ProviderAnswer {
        guard case .pass(let permit) = breaker.admit() else {
            onLeftAlone()
            throw LeftAlone()
        }
        do {
            let answer = try await inner.ask(question)
            breaker.record(Self.outcome(of: answer.status), of: permit)
            return answer
        } catch is CancellationError {
            breaker.record(.neither, of: permit)
            throw CancellationError()
        } catch {
            breaker.record(.failed, of: permit)
            throw error
        }
    }

    /// A code it does not take is the browser's mistake.
    private static func outcome(of status: Int) -> CircuitBreaker.Outcome {
        status >= 500 || status == 408 || status == 429 ? .failed : .done
    }
}
