import Sealing

/// Where a value stands in the database. It is sealed for this place and opens nowhere else.
public struct FieldPlace: Sendable, Hashable {
    public let table: String
    public let column: String
    /// What the row is known by: the sixteen bytes of an identifier, or whatever else its primary key is.
    public let row: [UInt8]

    public init(table: String, column: String, row: [UInt8]) {
        self.table = table
        self.column = column
        self.row = row
    }

    /// What a value here is authenticated with, besides itself: clinic, table, column, row and the key's version, each with its
    /// length, so that no two places have the same bytes.
    func binding(clinic: [UInt8], version: UInt32) -> [UInt8] {
        var bytes = CanonicalBytes(reserving: 96)
        bytes.add("mediconnect field 1")
        bytes.add(raw: clinic)
        bytes.add(table)
        bytes.add(column)
        bytes.add(UInt64(row.count))
        bytes.add(raw: row)
        bytes.add(UInt64(version))
        return bytes.bytes
    }
}
