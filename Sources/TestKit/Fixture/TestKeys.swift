public import Secrecy

/// The master key of every clinic that is only made for a test.
public enum TestKeys {
    public static let secret = [UInt8](repeating: 5, count: LocalMasterKeys.byteCount)
    public static let master: LocalMasterKeys = LocalMasterKeys([secret])!
}
