public import Notation
public import Resilience
import Synchronization

/// The way to a provider for whoever waits at a browser (MC-2): what only reads is asked for again when it fails in passing, while there is
/// time, and no more often than the provider's budget of repeats allows. A code is redeemed once: asking twice would spend it.
///
/// It stands behind a `GuardedLine`: what one person met counts once, however often it was asked for, or the repeats of a single sign-in would
/// have the provider left alone for everybody.
public final class RepeatingLine: ProviderLine {
    private let inner: any ProviderLine
    private let clock: any WallClock
    private let random: any RandomSource
    private let retry: Retry
    private let patience: Span
    private let budget = Mutex(RetryBudget())

    /// - Parameter patience: after this nothing is asked again; who waits at a browser has had enough.
    public init(
        _ inner: any ProviderLine, clock: any WallClock, random: any RandomSource, retry: Retry = Retry(),
        patience: Span = .seconds(4)
    ) {
        self.inner = inner
        self.clock = clock
        self.random = random
        self.retry = retry
        self.patience = patience
    }

    /// How many repeats there are to spend: ten when all goes well, none when it has failed for a while.
    public var repeatsLeft: Double { budget.withLock { $0.left } }

    public func ask(_ question: ProviderQuestion) async throws -> ProviderAnswer {
        guard question.form == nil else { return try await inner.ask(question) }
        budget.withLock { $0.noteFirstTry() }
        let deadline = Deadline(after: patience, from: clock.now)
        var attempt = 1
        while true {
            let result = await answer(to: question)
            guard Self.isPassing(result) else { return try result.get() }
            let (now, luck) = (clock.now, random.unit())
            let next = budget.withLock { retry.next(after: attempt, at: now, deadline: deadline, budget: &$0, luck: luck) }
            guard case .again(let instant) = next else { return try result.get() }
            try await clock.sleep(until: instant)
            attempt += 1
        }
    }

    private func answer(to question: ProviderQuestion) async -> Result<ProviderAnswer, any Error> {
        do { return .success(try await inner.ask(question)) } catch { return .failure(error) }
    }

    /// Whether the next time may be better. A provider that asks for patience (429) gets it.
    private static func isPassing(_ result: Result<ProviderAnswer, any Error>) -> Bool {
        switch result {
        case .success(let answer): answer.status >= 500 || answer.status == 408
        case .failure(is CancellationError): false
        case .failure: true
        }
    }
}
