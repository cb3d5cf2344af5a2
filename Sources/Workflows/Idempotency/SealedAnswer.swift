import Secrecy

/// An answer as it is kept: its words are sealed, for they may be a patient's record.
struct SealedAnswer: Sendable {
    let kept: StoredAnswer

    /// As it was read.
    init(kept: StoredAnswer) { self.kept = kept }
}

extension FieldKeys {
    func seal(_ answer: StoredAnswer, of principal: String, under key: String) throws -> SealedAnswer {
        var kept = answer
        kept.body = try cipher.seal(answer.body, at: .answer(of: principal, under: key))
        return SealedAnswer(kept: kept)
    }

    /// What was stored before there were keys comes back as it is: no document begins with a byte of 1.
    func open(_ sealed: SealedAnswer, of principal: String, under key: String) throws -> StoredAnswer {
        var answer = sealed.kept
        guard FieldCipher.version(of: answer.body) != nil else { return answer }
        answer.body = try cipher.open(answer.body, at: .answer(of: principal, under: key))
        return answer
    }
}

extension FieldPlace {
    /// A principal has no byte of 0, so no two answers have one place.
    static func answer(of principal: String, under key: String) -> FieldPlace {
        FieldPlace(table: "idempotency", column: "body", row: Array(principal.utf8) + [0] + Array(key.utf8))
    }
}
