import Notation

import Resilience

/// What a circuit breaker is, written so that it can be read aloud: it remembers every call and looks through all of them.
struct ObviousBreaker {
    enum Mistake: CaseIterable {
        case forgetsSlowness, neverForgets, forgetsAtOnce, remembersForEver, keepsPermits, hearsLateNews, restsAlwaysTheSame
        case restsFromTheNextCall, closesOnSilence, failsEveryShortTrial
    }

    private struct Ended { let at: Instant, hasFailed: Bool, isSlow: Bool }

    let settings: CircuitBreaker.Settings
    let mistake: Mistake?
    private(set) var state = CircuitBreaker.State.closed
    private var now = Instant(microseconds: .min)
    private var changes = 0
    private var ended: [Ended] = []
    private var underWay: [Int: (since: Instant, changes: Int)] = [:]
    private var openedInARow = 0
    /// Of whoever began to try it out.
    private var luckOfTheTrial = 0.0

    init(_ settings: CircuitBreaker.Settings, mistake: Mistake?) {
        self.settings = settings
        self.mistake = mistake
    }

    /// Calls that were let in since the last change and have not been heard of.
    var tryingOut: Int { underWay.values.count { $0.changes == changes } }

    mutating func mayCall(_ number: Int, at instant: Instant, luck: Double) -> Bool {
        itIs(instant, luck)
        switch state {
        case .open, .forcedOpen: return false
        case .halfOpen where tryingOut + ended.count >= settings.permits: return false
        case .halfOpen, .closed, .disabled:
            underWay[number] = (now, changes)
            return true
        }
    }

    mutating func heard(_ outcome: CircuitBreaker.Outcome, of number: Int, at instant: Instant, luck: Double) {
        itIs(instant, luck)
        let call = underWay[number]!
        if !(mistake == .keepsPermits && outcome == .neither) { underWay[number] = nil }
        if state == .disabled || (call.changes != changes && mistake != .hearsLateNews) { return }
        switch outcome {
        case .neither: return
        case .toldToWait(let span): become(.open(until: now + min(max(span, .zero), settings.obeysAtMost)))
        case .done, .failed:
            let isSlow = now - call.since > settings.slowAfter && mistake != .forgetsSlowness
            ended.append(Ended(at: now, hasFailed: outcome == .failed, isSlow: isSlow))
            judge(luck)
        }
    }

    mutating func follow(_ order: CircuitBreaker.Order) {
        openedInARow = 0
        become(order == .automatic ? .closed : order == .forcedOpen ? .forcedOpen : .disabled)
    }

    private mutating func judge(_ luck: Double) {
        let slice = settings.window.microseconds / 10
        func number(_ instant: Instant) -> Int64 { instant.microseconds.flooredDivision(by: slice) }
        var counted = ended
        if case .halfOpen = state {
            if ended.count < settings.permits { return }
        } else {
            if mistake != .neverForgets { counted = ended.filter { number($0.at) > number(now) - 10 } }
            if counted.count < settings.minimumCalls, mistake != .forgetsAtOnce {
                counted = ended.suffix(settings.minimumCalls).filter {
                    now - $0.at < settings.memory || mistake == .remembersForEver
                }
            }
            if counted.count < settings.minimumCalls { return }
        }
        if isTooMuch(counted) {
            open(luck, at: now)
        } else if case .halfOpen = state {
            close()
        }
    }

    private func isTooMuch(_ counted: [Ended]) -> Bool {
        let failed = Double(counted.count { $0.hasFailed }) / Double(counted.count)
        let slow = Double(counted.count { $0.isSlow }) / Double(counted.count)
        return failed >= settings.failureShare || slow >= settings.slowShare
    }

    private mutating func itIs(_ instant: Instant, _ luck: Double) {
        if instant > now { now = instant }
        if case .halfOpen(let since) = state, now - since >= settings.halfOpenAtMost {
            let isBack = !ended.isEmpty && (tryingOut == 0 || mistake == .closesOnSilence)
            if isBack, !isTooMuch(ended), mistake != .failsEveryShortTrial {
                close()
            } else {
                open(luckOfTheTrial, at: mistake == .restsFromTheNextCall ? now : since + settings.halfOpenAtMost)
            }
        }
        if case .open(let until) = state, until <= now {
            become(.halfOpen(since: now))
            luckOfTheTrial = luck
        }
    }

    private mutating func close() {
        openedInARow = 0
        become(.closed)
    }

    private mutating func open(_ luck: Double, at instant: Instant) {
        var rest = Double(settings.rest.microseconds)
        for _ in 0..<(mistake == .restsAlwaysTheSame ? 0 : openedInARow) {
            rest = min(rest * 2, Double(settings.restAtMost.microseconds))
        }
        openedInARow += 1
        become(.open(until: instant + Span(microseconds: Int64(rest * (1 - settings.spread + 2 * settings.spread * luck)))))
    }

    private mutating func become(_ next: CircuitBreaker.State) {
        state = next
        changes += 1
        ended = []
    }
}
