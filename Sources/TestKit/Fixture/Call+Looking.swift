public import People
public import Workflows

extension Call {
    /// Somebody reads, and nothing else about the request matters.
    public static func looking(_ caller: Caller) -> Call { Call(caller: caller, requestID: "look") }
}
