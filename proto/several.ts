import type { SessionRequest, SessionResponse } from './gen/ridgepoint/v1/agents.js';

/*
 * What one end of a session says at one moment is one message on the wire, for to frame, decode and schedule
 * a message takes about as long as to do what it says.
 */

/** Most messages in one: what an agent with hundreds of devices has to say is said in a few. */
export const MOST_TOGETHER = 128;

/** @returns what a request says: itself, or the messages in it. */
export function requestsOf(request: SessionRequest): readonly SessionRequest[] {
  return request.message?.$case === 'several' ? request.message.value.requests : [request];
}

/** @returns one request that says all of them. */
export function oneRequest(requests: readonly SessionRequest[]): SessionRequest {
  if (requests.length === 1) return requests[0]!;
  return { message: { $case: 'several', value: { requests: [...requests] } } };
}

/** @returns what a response says: itself, or the messages in it. */
export function responsesOf(response: SessionResponse): readonly SessionResponse[] {
  return response.message?.$case === 'several' ? response.message.value.responses : [response];
}

/** @returns one response that says all of them. */
export function oneResponse(responses: readonly SessionResponse[]): SessionResponse {
  if (responses.length === 1) return responses[0]!;
  return { message: { $case: 'several', value: { responses: [...responses] } } };
}
