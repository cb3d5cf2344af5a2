/// How many connections there are, in all and from each address.
public struct ConnectionCounts: Sendable {
    /// Of all connections, after which nothing is let in that can wait a minute (MC-10).
    private static let crammedPercent = 90

    public let maximum: Int
    public let maximumPerAddress: Int
    public private(set) var total = 0
    private var perAddress: [NetworkAddress: Int] = [:]

    public init(maximum: Int, maximumPerAddress: Int) {
        self.maximum = maximum
        self.maximumPerAddress = maximumPerAddress
    }

    /// As many as there are files for, besides what the server itself opens.
    public func within(_ files: Int) -> ConnectionCounts {
        ConnectionCounts(maximum: min(maximum, max(16, files - 256)), maximumPerAddress: maximumPerAddress)
    }

    public var isCrammed: Bool { total * 100 > maximum * Self.crammedPercent }

    /// One more connection. False, and nothing counted, when its address has too many.
    /// - Parameter address: nil for one that has no limit of its own: a proxy of ours brings everybody's.
    public mutating func opens(from address: NetworkAddress?) -> Bool {
        if let address = address?.subscriber {
            let count = perAddress[address] ?? 0
            guard count < maximumPerAddress else { return false }
            perAddress[address] = count + 1
        }
        total += 1
        return true
    }

    /// One that was counted is gone.
    public mutating func closes(from address: NetworkAddress?) {
        total -= 1
        guard let address = address?.subscriber, let count = perAddress[address] else { return }
        perAddress[address] = count == 1 ? nil : count - 1
    }
}
