import Notation
import Scheduling
import Secrecy

/// The clinic's keys as a node knows them at a moment.
struct FieldKeys: Sendable {
    let clinic: ID<Clinic>
    let cipher: FieldCipher
    /// For what is never written anew.
    let records: FieldCipher
    let indexes: BlindIndexes
    /// Every key that was ever known here: what a replica still shows may be sealed with one that is retired by now.
    let keys: [DataKey]
    /// Of the directory when they were read. Whoever changes keys moves it on, so a story that is told on a later one knows that
    /// they may have changed.
    let revision: Int64

    /// Nil when there is not one of each kind.
    init?(_ clinic: ID<Clinic>, _ keys: [DataKey], revision: Int64, leavingPlain: Bool, _ random: any RandomSource) {
        func all(_ purpose: DataKey.Purpose) -> [DataKey] { keys.filter { $0.purpose == purpose } }
        guard !all(.field).isEmpty, !all(.record).isEmpty, let index = all(.index).last else { return nil }
        self.clinic = clinic
        self.keys = keys
        self.revision = revision
        func cipher(_ purpose: DataKey.Purpose) -> FieldCipher {
            FieldCipher(clinic: clinic.bytes, keys: all(purpose), random: random, leavingPlain: leavingPlain)
        }
        self.cipher = cipher(.field)
        records = cipher(.record)
        indexes = BlindIndexes(index)
    }

    func seal<Value: Sealable>(_ value: Value) throws -> Sealed<Value> {
        Sealed(
            kept: try value.exchanging { column, text in
                Personal(try cipher(for: Value.self).seal(text.revealed, at: FieldPlace(value, column)))
            })
    }

    /// Throws `.keyNotRead` when it was sealed with a key made meanwhile, `.notForHere` when it does not belong where it stood.
    func open<Value: Sealable>(_ sealed: Sealed<Value>) throws -> Value {
        let kept = sealed.kept
        return try kept.exchanging { column, text in
            Personal(try cipher(for: Value.self).open(text.revealed, at: FieldPlace(kept, column)))
        }
    }

    private func cipher<Value: Sealable>(for _: Value.Type) -> FieldCipher { Value.purpose == .record ? records : cipher }
}

extension FieldKeys {
    /// With the notes of absences opened.
    func opened(_ directory: Directory) throws -> Directory {
        var copy = directory
        for (resource, exceptions) in directory.exceptions where exceptions.contains(where: \.isPersonal) {
            copy.exceptions[resource] = try exceptions.map { try open(Sealed(kept: $0)) }
        }
        return copy
    }
}

extension FieldPlace {
    fileprivate init<Value: Sealable>(_ value: Value, _ column: String) {
        self.init(table: Value.table, column: column, row: value.sealedRow)
    }
}
