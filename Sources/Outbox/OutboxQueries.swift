public import Storage

/// Every statement of this module, for the test that looks at their plans on both engines.
public enum OutboxQueries {
    public static let catalogue: [any Statement.Type] = [
        Enqueue.self, CancelWaiting.self, TakeDue.self, TakeAgain.self, ClaimDue.self, StepAside.self, CallForward.self,
        NextDue.self, Settle.self, Conclude.self,
        Discharge.self,
        Heartbeat.self, RescueLeases.self, SweepFinished.self, DeadLetters.self, DeadLetterByID.self, ReplayDeadLetter.self,
        DiscardDeadLetter.self, TopicDepths.self, OutboxCounts.self,
    ]
}
