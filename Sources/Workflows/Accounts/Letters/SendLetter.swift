import Identity
public import Letters
import Notation
public import Outbox
import Resilience
import Storage

extension Accounts {
    /// What the outbox does with accounts' topics.
    ///
    /// A letter is carried at least once: who dies between handing it over and writing that down leaves it to be carried again, with the
    /// same `Message-ID` and the same bytes, unless whoever carries it can be asked whether they have it. It is not carried at all when what it asks for cannot be done any more.
    public func deliveries(by carrier: any LetterCarrier, on stationery: Stationery) -> [String: OutboxHandler] {
        [
            AccountTopic.letter: .external { [self] in try await send($0, by: carrier, on: stationery) },
            AccountTopic.resetAsked: .transactional { [self] in try writeResetLetter($1, in: $0) },
        ]
    }

    private func send(_ delivery: Delivery, by carrier: any LetterCarrier, on stationery: Stationery) async throws -> Verdict {
        guard let id = try JSON(parsing: delivery.payload)["letter"]?.string.flatMap({ ID<AccountLetter>($0) }) else {
            throw DeliveryFault("an outbox message names no letter")
        }
        guard let (written, kind) = try await write(id, on: stationery) else { return .cancel }
        var letter = written
        letter.beginsBy = delivery.beginsBy
        if delivery.claims > 1, let lag = carrier.knownAfter {
            // What an earlier attempt has left may be on its way to them still, or not listed yet: so each is followed by a wait, which is no
            // attempt, and counts as a claim.
            if delivery.claims - delivery.attempt < delivery.attempt - 1 {
                return .snooze(until: surroundings.clock.now + lag)
            }
            switch await carrier.find(letter) {
            case .done: return .done
            case .never: break
            case .resting(let until): return .snooze(until: until)
            case .later(let after, let reason): return .retry(after: after ?? lag, reason: reason)
            case .unknown(let reason): return .retry(after: max(lag, .minutes(1)), reason: reason)
            }
        }
        switch await carrier.carry(letter) {
        case .done: return .done
        // Not before the receiver wants it, and later each time it says so, as everything that is tried again.
        case .later(let after?, let reason):
            let delay = Backoff().delay(attempt: delivery.attempt, luck: surroundings.random.unit())
            return .retry(after: max(after, delay), reason: reason)
        case .later(nil, let reason): throw DeliveryFault(reason)
        // Nothing was tried, so no attempt is spent.
        case .resting(let until): return .snooze(until: until)
        case .never(let reason): return .dead(reason: reason)
        // Better twice than never: what it is for works once, and the receiver can tell that it is the same letter. But a server that takes
        // letters and never answers must not bring anybody hundreds of them.
        case .unknown(let reason):
            let patience = Backoff(base: kind.silence, cap: .hours(21))
            return .retry(
                after: patience.bound(attempt: delivery.attempt - 1),
                reason: "\(reason); it is sent again under the same Message-ID")
        }
    }

    /// The letter as it is carried; nil when nobody wants it any more.
    private func write(_ id: ID<AccountLetter>, on stationery: Stationery) async throws -> (Letter, LetterKind)? {
        let now = surroundings.clock.now
        let known = try await reading { [self] transaction -> (LetterRecord, AccountEmail?)? in
            guard let letter = try transaction.first(LetterByID(id: id)).map({ try keys.open($0) }), letter.isOpen(at: now),
                let account = try transaction.first(AccountByID(id: letter.account)).map({ try keys.open($0) }),
                account.state == .active
            else { return nil }
            let email = try transaction.email(of: account, try keys)
            let isAsItWas = likeness(of: account, at: email) == letter.likeness
            return isAsItWas || !letter.kind.needsLikeness ? (letter, email) : nil
        }
        guard let (letter, email) = known, let address = (letter.address ?? email?.address).flatMap({ MailAddress($0.revealed) })
        else { return nil }
        let code = letter.kind.path.map { _ in ring.text(of: LetterCode(letter: letter.id), at: letter.createdAt) }
        let words = try stationery.words(of: letter.kind, in: email?.language ?? stationery.language, code: code)
        let name = letter.id.description
        return (Letter(name: name, from: stationery.from, to: address, at: letter.createdAt, words: words), letter.kind)
    }
}

extension LetterKind {
    /// How long nobody sends it again after a mail server has taken it and said nothing: ten minutes, and less where that is all the time
    /// there is.
    fileprivate var silence: Span { min(.minutes(10), Span(microseconds: lasting.microseconds / 5)) }
}
