import Notation
import Secrecy
import TestKit
import Testing

@Suite struct AField {
    private static let clinic = [UInt8](repeating: 0xC1, count: 16)
    private static let place = FieldPlace(table: "patient", column: "name", row: Array(0..<16))
    private static func key(_ version: Int) -> DataKey {
        DataKey(purpose: .field, version: version, bytes: [UInt8](repeating: UInt8(version), count: 32))
    }
    private static func cipher(_ versions: [Int] = [1], clinic: [UInt8] = clinic, seed: UInt64 = 1) -> FieldCipher {
        FieldCipher(clinic: clinic, keys: versions.map(key), random: SeededRandom(seed: seed))
    }

    @Test func `comes back as it was, whatever stands in it`() throws {
        let (cipher, chance) = (Self.cipher(), SeededRandom(seed: 7))
        for count in [0, 1, 15, 16, 17, 31, 32, 33, 1000] + (0..<200).map({ _ in Int(chance.next() % 300) }) {
            let plain = chance.bytes(count)
            let place = FieldPlace(table: "patient", column: "name", row: chance.bytes(16))
            let sealed = try cipher.seal(plain, at: place)
            #expect(try cipher.open(sealed, at: place) == plain)
            #expect(sealed.count == count + 33 && FieldCipher.version(of: sealed) == 1)
            let text = String(decoding: plain, as: UTF8.self)
            let sealedText = try cipher.seal(text, at: place)
            #expect(try cipher.open(sealedText, at: place) == text)
            #expect(FieldCipher.version(of: sealedText) == 1)
        }
    }

    @Test func `is what AES-256-GCM makes of it elsewhere`() throws {
        let cipher = FieldCipher(clinic: Self.clinic, keys: [Self.key(1)], random: StandingChance())
        let sealed = try cipher.seal(Array("Emma Sample".utf8), at: Self.place)
        #expect(
            sealed.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
                == "010000000108070605040302010807060562728dff28183180707aa73815414b8df49bc1a2f27ebb6eb7646c")
        #expect(try cipher.open(sealed, at: Self.place) == Array("Emma Sample".utf8))
    }

    @Test func `never looks the same twice`() throws {
        let cipher = Self.cipher()
        #expect(Set(try (0..<1000).map { _ in try cipher.seal("Emma", at: Self.place) }).count == 1000)
    }

    @Test(arguments: [
        FieldPlace(table: "account", column: "name", row: Array(0..<16)),
        FieldPlace(table: "patient", column: "email", row: Array(0..<16)),
        FieldPlace(table: "patient", column: "name", row: Array(1..<17)),
        // The same letters with the border elsewhere.
        FieldPlace(table: "patientn", column: "ame", row: Array(0..<16)),
        FieldPlace(table: "patient", column: "name", row: Array(0..<15)),
    ])
    func `opens nowhere but in its place, and the fault says nothing of it`(elsewhere: FieldPlace) throws {
        let cipher = Self.cipher()
        let sealed = try cipher.seal("Emma Sample", at: Self.place)
        let fault = #expect(throws: SecrecyFault.notForHere(table: elsewhere.table, column: elsewhere.column)) {
            try cipher.open(sealed, at: elsewhere)
        }
        #expect(fault.map { !"\($0)".contains("Emma") } == true)
    }

    @Test func `opens in no other clinic, though it had the same key`() throws {
        let sealed = try Self.cipher().seal("Emma", at: Self.place)
        let other = Self.cipher(clinic: [UInt8](repeating: 0xC2, count: 16))
        #expect(throws: SecrecyFault.notForHere(table: "patient", column: "name")) { try other.open(sealed, at: Self.place) }
    }

    @Test func `does not open when a single bit of it has changed, or an end is missing`() throws {
        let cipher = Self.cipher()
        let sealed = try cipher.seal(Array("Emma".utf8), at: Self.place)
        for byte in sealed.indices {
            for bit in 0..<8 {
                var changed = sealed
                changed[byte] ^= 1 << UInt8(bit)
                #expect(throws: SecrecyFault.self) { try cipher.open(changed, at: Self.place) }
            }
            #expect(throws: SecrecyFault.self) { try cipher.open(Array(sealed.prefix(byte)), at: Self.place) }
        }
    }

    @Test func `is sealed with the newest key, and those before still open`() throws {
        let old = try Self.cipher([1]).seal("Emma", at: Self.place)
        let both = Self.cipher([1, 2])
        let new = try both.seal("Noah", at: Self.place)
        #expect(FieldCipher.version(of: old) == 1 && FieldCipher.version(of: new) == 2)
        #expect(try both.open(old, at: Self.place) == "Emma")
        #expect(throws: SecrecyFault.keyNotRead(version: 2)) { try Self.cipher([1]).open(new, at: Self.place) }
    }

    @Test func `that was written before there were keys is read as it is`() throws {
        #expect(try Self.cipher().open("Emma Sample", at: Self.place) == "Emma Sample")
        #expect(FieldCipher.version(of: "Emma Sample") == nil)
        #expect(throws: SecrecyFault.self) { try Self.cipher().open("\u{1}not sealed", at: Self.place) }
    }
}

@Suite struct ABlindIndex {
    private static let indexes = BlindIndexes(
        DataKey(purpose: .index, version: 1, bytes: [UInt8](repeating: 3, count: 32)))

    @Test func `is what HMAC-SHA-256 makes of it elsewhere`() {
        let digest = Self.indexes.digest(of: "emma@example.org", table: "patient", column: "email")
        #expect(
            digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
                == "3cdb83753235f87bf4c5158a25cb88e8ac46767e1ecefd0c903f16d112619b90")
    }

    @Test func `of one value differs from column to column and from clinic to clinic`() {
        let other = BlindIndexes(DataKey(purpose: .index, version: 1, bytes: [UInt8](repeating: 4, count: 32)))
        let digests = [
            Self.indexes.digest(of: "1", table: "patient", column: "email"),
            Self.indexes.digest(of: "1", table: "patient", column: "phone"),
            Self.indexes.digest(of: "1", table: "account", column: "email"),
            other.digest(of: "1", table: "patient", column: "email"),
        ]
        #expect(Set(digests).count == 4 && digests.allSatisfy { $0.count == 32 })
    }

    @Test(arguments: [
        "zo\u{EB}@clinic", "Zo\u{EB}@Clinic", "zoe\u{308}@clinic", "ZOE\u{308}@CLINIC", "\u{FF5A}\u{FF4F}\u{EB}@clinic",
    ])
    func `finds a login on whatever keyboard it is typed, and no other`(written: String) {
        let normal = NormalForm.login(written)
        #expect(Array(normal.utf8) == Array("zo\u{EB}@clinic".utf8))
        #expect(Array(NormalForm.login(normal).utf8) == Array(normal.utf8))
        #expect(Array(NormalForm.login("zoe@clinic").utf8) != Array(normal.utf8))
    }

    @Test(arguments: [
        ("Emma@Example.ORG", "emma@example.org"), ("  emma@example.org ", "emma@example.org"), ("", ""),
    ])
    func `finds an address however its letters are written`(written: String, normal: String) {
        #expect(NormalForm.email(written) == normal)
    }

    @Test(arguments: [
        ("+49 30 / 555-10", "+493055510"), ("0049 (30) 55510", "+493055510"), ("030 55510", "03055510"), ("", ""),
    ])
    func `finds a telephone number however it is grouped`(written: String, normal: String) {
        #expect(NormalForm.phone(written) == normal)
    }

    @Test(arguments: [("p-1001", "P1001"), ("P 10 01", "P1001"), ("P-1001", "P1001")])
    func `finds a record number however it is grouped`(written: String, normal: String) {
        #expect(NormalForm.number(written) == normal)
    }
}

@Suite struct AMasterKey {
    private static let clinic = [UInt8](repeating: 0xC1, count: 16)
    private static let old = [UInt8](repeating: 1, count: 32)
    private static let new = [UInt8](repeating: 2, count: 32)

    @Test func `wraps a clinic's key, and opens it for that clinic, purpose and version only`() async throws {
        let master = LocalMasterKeys([Self.old])!
        let key = DataKey.make(.field, version: 3, SeededRandom(seed: 5))
        let wrapped = try await key.wrapped(by: master, clinic: Self.clinic)
        let again = try await DataKey(wrapped, purpose: .field, version: 3, clinic: Self.clinic, master: master)
        let place = FieldPlace(table: "patient", column: "name", row: [1])
        let sealed = try FieldCipher(clinic: Self.clinic, keys: [key], random: SeededRandom(seed: 1)).seal("Emma", at: place)
        #expect(
            try FieldCipher(clinic: Self.clinic, keys: [again], random: SeededRandom(seed: 2)).open(sealed, at: place) == "Emma")
        for (purpose, version, clinic) in [
            (DataKey.Purpose.index, 3, Self.clinic), (.field, 4, Self.clinic), (.field, 3, [UInt8](repeating: 0, count: 16)),
        ] {
            await #expect(throws: SecrecyFault.dataKeyDamaged(version: version)) {
                try await DataKey(wrapped, purpose: purpose, version: version, clinic: clinic, master: master)
            }
        }
    }

    @Test func `that is new wraps, while the one before still unwraps`() async throws {
        let key = DataKey.make(.field, version: 1, SeededRandom(seed: 5))
        let wrapped = try await key.wrapped(by: LocalMasterKeys([Self.old])!, clinic: Self.clinic)
        let both = LocalMasterKeys([Self.new, Self.old])!
        _ = try await DataKey(wrapped, purpose: .field, version: 1, clinic: Self.clinic, master: both)
        #expect(try await key.wrapped(by: both, clinic: Self.clinic).master == LocalMasterKeys.name(of: Self.new))
        await #expect(throws: SecrecyFault.masterKeyMissing(wanted: LocalMasterKeys.name(of: Self.old))) {
            try await DataKey(
                wrapped, purpose: .field, version: 1, clinic: Self.clinic, master: LocalMasterKeys([Self.new])!)
        }
    }

    @Test func `has 32 bytes`() {
        #expect(LocalMasterKeys([]) == nil && LocalMasterKeys([[UInt8](repeating: 0, count: 31)]) == nil)
        #expect(LocalMasterKeys([Self.old, []]) == nil)
    }

    @Test func `is named by nothing that tells it`() {
        let name = LocalMasterKeys.name(of: Self.old)
        #expect(name.count == 16 && name != LocalMasterKeys.name(of: Self.new) && !name.contains("0101"))
    }
}
