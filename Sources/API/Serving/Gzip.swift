import CZlib

/// Compresses answers where it pays: text of more than a packet. Below that the header costs more than it saves.
enum Gzip {
    static let threshold = 1400

    /// Whether `Accept-Encoding` takes gzip: named, and not with a weight of nought (RFC 9110 §12.5.3).
    static func isAccepted(_ header: String?) -> Bool {
        guard let header, header.contains("gzip") else { return false }
        return header.split(separator: ",").contains { coding in
            let parts = coding.split(separator: ";").map { $0.filter { $0 != " " }.lowercased() }
            guard parts.first == "gzip" else { return false }
            return !parts.dropFirst().contains { $0.hasPrefix("q=") && Double($0.dropFirst(2)) ?? 0 == 0 }
        }
    }

    /// Nil when compressing failed or made it larger; then it is sent as it is.
    static func compress(_ bytes: [UInt8]) -> [UInt8]? {
        var stream = z_stream()
        guard mediconnect_gzip_init(&stream, 3) == Z_OK else { return nil }
        defer { deflateEnd(&stream) }
        return bytes.withUnsafeBufferPointer { input in
            let capacity = Int(deflateBound(&stream, UInt(bytes.count)))
            let output = [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
                stream.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
                stream.avail_in = UInt32(input.count)
                stream.next_out = buffer.baseAddress
                stream.avail_out = UInt32(capacity)
                count = deflate(&stream, Z_FINISH) == Z_STREAM_END ? capacity - Int(stream.avail_out) : 0
            }
            return output.isEmpty || output.count >= bytes.count ? nil : output
        }
    }
}
