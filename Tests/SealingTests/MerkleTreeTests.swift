import Sealing
import Testing

@Suite("A tree of digests")
struct MerkleTreeTests {
    private static let leaves = [
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
    ].map { Hexadecimal.bytes($0)! }

    /// The vectors of Certificate Transparency's own tests (RFC 6962).
    @Test(arguments: [
        (0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        (1, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"),
        (2, "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"),
        (3, "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"),
        (4, "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"),
        (5, "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4"),
        (6, "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef"),
        (7, "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"),
        (8, "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"),
    ])
    func `has the root that RFC 6962 gives it`(count: Int, root: String) {
        #expect(Hexadecimal.text(MerkleTree.root(of: Self.leaves.prefix(count))) == root)
    }
}

@Suite("Bytes that can be read in one way only")
struct CanonicalBytesTests {
    private func digest(_ texts: [String?]) -> [UInt8] {
        var bytes = CanonicalBytes()
        for text in texts { bytes.add(text) }
        return bytes.digest
    }

    @Test func `tell nothing from empty, and one field from two`() {
        let all = [[nil], [""], ["", ""], [nil, ""], ["ab"], ["a", "b"], ["ab", ""], ["", "ab"], ["ab", nil], ["\u{0}ab"]].map(
            digest)
        #expect(Set(all).count == all.count)
    }

    @Test func `hexadecimal digits come back as they were`() {
        let bytes = Array(UInt8.min...UInt8.max)
        #expect(Hexadecimal.bytes(Hexadecimal.text(bytes)) == bytes)
        #expect(Hexadecimal.bytes("0") == nil && Hexadecimal.bytes("0g") == nil && Hexadecimal.bytes("é0") == nil)
    }
}
