import Notation
public import Secrecy
import Storage

/// Opens stored answers, which lie sealed in the database, for whoever holds them against what callers were told. It knows the form
/// and the key, and nothing of the code that seals them.
public struct KeptAnswers: Sendable {
    /// A field key as the table `data_key` has it.
    public struct Key: Sendable {
        let version: Int
        let clinic: [UInt8]
        let wrapped: WrappedKey

        /// - Parameter clinic: sixteen bytes.
        public init(version: Int, clinic: [UInt8], master: String, wrapped: [UInt8]) {
            self.version = version
            self.clinic = clinic
            self.wrapped = WrappedKey(master: master, bytes: wrapped)
        }
    }

    private let cipher: FieldCipher?

    /// Opens nothing when there are no keys.
    public init(_ keys: [Key], master: LocalMasterKeys) throws {
        let opened = try keys.map { key in
            DataKey(
                purpose: .field, version: key.version,
                bytes: try master.unwrap(key.wrapped, for: DataKey.context(.field, key.version, key.clinic)))
        }
        cipher = keys.first.map { FieldCipher(clinic: $0.clinic, keys: opened, random: SeededRandom(seed: 0)) }
    }

    /// The words that were sealed; what cannot be opened comes back as it is, and is nobody's answer.
    public func body(_ kept: [UInt8], of principal: String, under key: String) -> [UInt8] {
        let place = FieldPlace(table: "idempotency", column: "body", row: Array(principal.utf8) + [0] + Array(key.utf8))
        return (try? cipher?.open(kept, at: place)) ?? kept
    }
}

struct EveryFieldKey: Query {
    static let sql: SQL = """
        SELECT version, clinic_id, master, wrapped FROM data_key WHERE purpose = 'field' AND state <> 'retired' ORDER BY version
        """
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> KeptAnswers.Key {
        let (high, low) = try columns.identifier(1)
        let clinic = [high, low].flatMap { part in withUnsafeBytes(of: part.bigEndian) { Array($0) } }
        return KeptAnswers.Key(
            version: try columns.int(0), clinic: clinic, master: try columns.text(2), wrapped: try columns.bytes(3))
    }
}
