/// Why something cannot be sealed or opened. None of these says anything of what was sealed.
public enum SecrecyFault: Error, Sendable, Equatable, CustomStringConvertible {
    /// The node has not read this key yet: it was made elsewhere since. Whoever meets it reads the keys again and goes on.
    case keyNotRead(version: Int)
    /// What was found is nothing this program has sealed, or not for this place, or it was changed since.
    case notForHere(table: String, column: String)
    /// No master key at hand has wrapped the data keys.
    case masterKeyMissing(wanted: String)
    /// A data key does not open with the master key that is said to have wrapped it.
    case dataKeyDamaged(version: Int)
    /// There is no key, though there is something that was sealed.
    case dataKeysGone

    public var description: String {
        switch self {
        case .keyNotRead(let version): "data key \(version) has not been read"
        case .notForHere(let table, let column):
            "a value in \(table).\(column) was not sealed for the place it stands in, or was changed since"
        case .masterKeyMissing(let wanted):
            "the database's keys were wrapped by master key \(wanted), which is not among those given; put it back: without it no personal data can be read"
        case .dataKeyDamaged(let version):
            "data key \(version) does not open with its master key: it was changed, or belongs to another clinic; restore the table data_key from a backup"
        case .dataKeysGone:
            "the database holds sealed data and no data key; restore the table data_key from a backup: new keys would not open it"
        }
    }
}
