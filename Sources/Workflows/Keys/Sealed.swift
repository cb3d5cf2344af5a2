import Notation
import Secrecy

/// Something the clinic keeps that speaks of people, and which of its fields lie sealed in the database.
///
/// Whatever conforms is the whole list of what is protected: the columns are named here and nowhere else.
protocol Sealable: Sendable {
    static var table: String { get }
    /// `.record` for what is never written anew.
    static var purpose: DataKey.Purpose { get }
    /// What its row is known by, in every version of it.
    var sealedRow: [UInt8] { get }
    /// The same with each personal field exchanged; `exchange` gets the name of its column.
    func exchanging(_ exchange: (_ column: String, _ text: Personal<String>) throws -> Personal<String>) rethrows -> Self
}

extension Sealable {
    static var purpose: DataKey.Purpose { .field }

    /// Whether there is anything in it that is sealed.
    var isPersonal: Bool {
        var isPersonal = false
        _ = exchanging { _, text in
            isPersonal = true
            return text
        }
        return isPersonal
    }
}

/// A value as the database has it. Statements take and give nothing else, so that what is not sealed cannot be written, and
/// nobody reads what was not opened.
struct Sealed<Value: Sealable>: Sendable {
    /// With its personal fields as they lie in the database; everything else is as it is.
    let kept: Value

    /// As it was read.
    init(kept: Value) { self.kept = kept }
}

extension ID {
    /// Sixteen bytes.
    var bytes: [UInt8] { [high, low].flatMap { part in withUnsafeBytes(of: part.bigEndian) { Array($0) } } }
}
