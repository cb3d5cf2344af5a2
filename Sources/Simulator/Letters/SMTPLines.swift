import NIOCore

/// Cuts what a mail client sends into lines that end in CRLF (RFC 5321 §2.3.8).
struct SMTPLines: Sendable {
    enum Line: Sendable, Equatable {
        case whole([UInt8])
        /// Longer than any line may be; the rest of it has been passed over.
        case tooLong
        /// With a CR or an LF by itself: where one server sees one letter, another sees two. It may end as it should all the same.
        case torn(endsRight: Bool)
    }

    /// With its CRLF (RFC 5321 §4.5.3.1.6).
    static let longest = 1_000

    private var bytes = ByteBuffer()
    private var isPassingOver = false

    mutating func add(_ more: inout ByteBuffer) {
        bytes.discardReadBytes()
        bytes.writeBuffer(&more)
    }

    /// The next line; nil when it has not come whole.
    mutating func next() -> Line? {
        guard let end = bytes.readableBytesView.firstIndex(of: 0x0A) else {
            if bytes.readableBytes > Self.longest {
                isPassingOver = true
                bytes.clear()
            }
            return nil
        }
        let line = Array(bytes.readableBytesView[..<end])
        bytes.moveReaderIndex(forwardBy: line.count + 1)
        defer { isPassingOver = false }
        if isPassingOver || line.count + 1 > Self.longest { return .tooLong }
        guard line.last == 0x0D else { return .torn(endsRight: false) }
        guard !line.dropLast().contains(0x0D) else { return .torn(endsRight: true) }
        return .whole(Array(line.dropLast()))
    }
}
