/** In place of what makes an audit event, and of what adds it. */
export const changeEvent = () => null;
export const add = async () => true;
