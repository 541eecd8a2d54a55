// For a site with a login of its own: the widget asks for a token before connections and requests, and when the one of
// the socket is about to end, so that a fresh one is used when the old has expired. `user` is the id that the token
// stands for (its `sub`): it sets one's own messages apart. `chatd --jwt-…` reads such tokens; an `Authenticator` of your
// own gets them from `Authorization: Bearer` in requests, and in `authenticate_token` from the first frame of a socket.
document.querySelector("chat-room").credentials = async () => {
  const { token, user } = await (await fetch("/chat-token", { method: "POST" })).json();
  return { token, user };
};
